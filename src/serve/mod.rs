//! A cache served as a registry, so that BuildKit reads it during a build, with every Docker driver that reaches this
//! machine.
//!
//! BuildKit reads and writes caches in registries with `type=registry,ref=HOST/REPOSITORY:TAG`. A [`Server`] serves them
//! from the bucket: it converts the S3 manifest as an import does, and fetches layers on demand. A [`Mount`] maps a
//! repository to the caches behind it.
//!
//! ```no_run
//! # fn main() -> s3_build_cache::Result<()> {
//! use std::net::TcpListener;
//!
//! use s3_build_cache::serve::ServeOptions;
//! use s3_build_cache::{CacheOptions, S3Cache};
//!
//! let options: CacheOptions = "type=s3,region=eu-west-1,bucket=my-cache,name=app".parse()?;
//! let listener = TcpListener::bind("127.0.0.1:5055").expect("a free port");
//! let server = S3Cache::open(&options)?.serve(listener, &ServeOptions::new())?;
//! let stopper = server.stopper();
//! std::thread::spawn(move || {
//!     // docker buildx build --cache-from type=registry,ref=localhost:5055/cache .
//!     stopper.stop();
//! });
//! server.run()?;
//! println!("{} blobs served", server.summary().blobs_served);
//! # Ok(())
//! # }
//! ```

mod access;
mod answer;
mod counters;
mod flights;
mod mount;
mod mounted;
mod options;
mod promises;
mod pull;
mod push;
mod range;
mod registry;
mod route;
mod server;

pub use counters::ServeSummary;
pub use mount::Mount;
pub use options::{ServeOptions, Users};
pub use server::{Server, Stopper};

// The fuzzed property names these.
#[cfg(any(test, fuzzing))]
pub(crate) use mount::name_of;
#[cfg(any(test, fuzzing))]
pub(crate) use range::{Wanted, wanted};
#[cfg(any(test, fuzzing))]
pub(crate) use route::{Page, Reference, Route};
