//! BuildKit's S3 build cache from outside BuildKit: what `docker buildx build --cache-to type=s3` keeps in a bucket,
//! moved to and from a local cache directory (`type=local`), in the same layout and the same manifest, byte for byte.
//! Synchronous, on a thread pool; no async runtime, no global state, and no thread outlives a call.
//!
//! ```no_run
//! use s3_build_cache::{CacheOptions, ImportOutcome, LocalCache, export, import};
//!
//! # fn main() -> Result<(), s3_build_cache::Error> {
//! let options: CacheOptions = "type=s3,region=eu-west-1,bucket=my-cache,name=app".parse()?;
//! let report = export(&LocalCache::open("cache", "latest")?, &options)?;
//! println!("{} of {} blobs uploaded", report.blobs.transferred, report.blobs.total);
//! match import(&options, &LocalCache::create("restored", "latest"))? {
//!     ImportOutcome::Restored(report) => println!("{} layers", report.layers),
//!     _ => println!("no cache"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`S3Cache`] is an opened cache for several operations over one connection pool, and reads lazily. Embedders whose
//! blobs are not files implement [`BlobSource`]; those without a config of BuildKit's make one with
//! [`CacheConfigBuilder`]. Progress, cancellation, clock, environment, credentials and the object store itself are
//! traits that can be injected.
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `cli` | yes | the crates of the program `s3-build-cache`; a library user takes `default-features = false` |
//!
//! # What logs may show
//!
//! Through the `log` facade: at `warn` what a person should know (a dropped layer, a source left out), at `info`
//! retries, at `debug` every request's method, host, path, query and status. Bucket names, keys and hosts are shown;
//! headers, keys, tokens and signatures never are. ureq logs for itself: headers by an allow-list, at `debug`.
//!
//! At `trace` ureq shows URLs whole and its protocol crate every byte of requests and answers, session tokens among
//! them: an embedder whose logger takes that level leaves out the targets `ureq` and `ureq_proto`. The program takes
//! nothing below `debug`.

//! # Signals
//!
//! The library installs no signal handler. Under a limit to the size of files (`ulimit -f`) the default action of SIGXFSZ
//! kills the process: an embedder that handles or ignores that signal gets the error `File too large` instead, as the
//! program does. SIGPIPE is ignored by Rust's runtime; keep it so.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)
)]

mod base;
mod cache_config;
mod config;
mod credentials;
mod files;
mod http;
mod layout;
mod ops;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[path = "../tests/properties/mod.rs"]
pub mod properties;
mod s3;
mod sigv4;
mod store;
mod transfer;

pub use base::{
    Action, BlobSource, BytesPayload, Cancel, Clock, Digest, Env, Error, ErrorKind, Event, InvalidDigest,
    InvalidTimestamp, IoError, MapEnv, NoProgress, Payload, Problem, ProcessEnv, Progress, Result, S3Error,
    S3ErrorClass, Secret, SystemClock, Timestamp, printable,
};
pub use cache_config::{
    Alternatives, Annotations, CacheConfig, CacheConfigBuilder, CacheResult, ChainedResult, Input, Layer, LayerId,
    LayerIndex, MAX_MANIFEST_BYTES, Record, RecordId, RecordIndex,
};
pub use config::{CacheOptions, CacheRef, EndpointUrl, LocalOptions, Mode, RequestPayer, RetryMode};
#[doc(hidden)]
pub use config::{did_you_mean, question, s3_attribute};
pub use credentials::{Credentials, CredentialsProvider, StaticCredentials};
pub use layout::{BlobWriter, Committed, LayoutWriter, LocalCache};
#[doc(hidden)]
pub use ops::Tuning;
pub use ops::{
    BlobCounts, BlobReader, Check, CheckOutcome, DoctorOptions, ExportOptions, Exported, ImportOptions, ImportOutcome,
    Imported, Report, S3Cache, S3CacheBuilder, SourceOutcome, export, import, import_from,
};
pub use store::{DirStore, GetOptions, ListPage, Object, ObjectMeta, ObjectStore, PartsUpload, Touch};
