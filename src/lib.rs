//! Moves BuildKit's S3 build cache (`docker buildx build --cache-to type=s3`) to and from a local cache directory
//! (`type=local`), without a BuildKit daemon. The bucket layout and the manifest are BuildKit's own, byte for byte.
//! Synchronous, on a thread pool: no async runtime, no global state, and no thread outlives a call.
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
//! [`S3Cache`] opens a cache for several operations over one connection pool, and reads it lazily. If your blobs are not
//! files, implement [`BlobSource`]; to build a config from scratch, use [`CacheConfigBuilder`]. Progress, cancellation,
//! clock, environment, credentials and the object store itself are traits that can be injected.
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `cli` | yes | the dependencies of the program `s3-build-cache`; library users set `default-features = false` |
//!
//! # What logs may show
//!
//! Logs go through the `log` facade: `warn` reports what the user should know (a dropped layer, a skipped source), `info`
//! retries, and `debug` the method, host, path, query and status of every request. Bucket names, keys and hosts are
//! logged; headers, credentials, tokens and signatures never are. ureq writes its own logs: at `debug`, headers filtered
//! by an allow-list.
//!
//! At `trace`, ureq logs whole URLs, and `ureq_proto` every byte of requests and responses, including session tokens. If
//! your logger enables `trace`, exclude the targets `ureq` and `ureq_proto`. The program logs nothing below `debug`.
//!
//! # Signals
//!
//! The library installs no signal handlers. Under a file size limit (`ulimit -f`), the default action of SIGXFSZ kills the
//! process. If you handle or ignore that signal, as the program does, you get the error `File too large` instead. SIGPIPE
//! is ignored by Rust's runtime; keep it ignored.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)
)]

mod aws;
mod base;
mod bucket;
pub mod cache_config;
mod config;
mod credentials;
mod files;
mod go;
mod http;
pub mod layout;
mod object;
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
    Action, Cancel, Clock, Digest, Env, Error, ErrorKind, Event, InvalidDigest, IoError, MapEnv, NoProgress, Problem,
    ProcessEnv, Progress, Result, S3Error, S3ErrorClass, Secret, SystemClock, printable,
};
#[doc(hidden)]
pub use base::{Unpoisoned, thread_builder};
pub use cache_config::{
    Alternatives, Annotations, CacheConfig, CacheConfigBuilder, CacheResult, ChainedResult, Input, Layer, LayerId,
    LayerIndex, MAX_MANIFEST_BYTES, Record, RecordId, RecordIndex,
};
pub use config::{
    AccessKeys, AccountId, Bucket, CacheOptions, CacheOptionsBuilder, CacheRef, CredentialOptions, EndpointUrl,
    KeyLayout, LocalOptions, Location, Mode, Policy, RequestPayer, RetryMode, RoleOptions,
};
pub use credentials::{CredentialsProvider, StaticCredentials};
pub use go::{InvalidTimestamp, Timestamp};
pub use layout::{BlobWriter, DocumentSizes, LayoutWriter, LocalCache};
pub use object::{
    BlobSource, BytesPayload, GetOptions, ListOptions, ListPage, ListedObject, MultipartUpload, Object, ObjectMeta,
    ObjectStore, Payload, PutMode, UnfinishedUpload, UploadsPage, Version,
};
#[doc(hidden)]
pub use ops::Tuning;
pub use ops::{
    BlobCounts, BlobReader, Check, CheckOutcome, DoctorOptions, ExportOptions, Exported, ImportOptions, ImportOutcome,
    Imported, Report, S3Cache, S3CacheBuilder, SourceOutcome, export, import, import_from,
};
pub use sigv4::Credentials;
pub use store::DirStore;

/// Items that only the program `s3-build-cache` uses. It is a crate of its own, so they must be public, but they are
/// not part of the API and may change in any release.
#[doc(hidden)]
pub mod program {
    pub use crate::base::{OUT_OF_FILES, thread_builder};
    pub use crate::config::{About, did_you_mean, question, s3_attribute, s3_attributes};
    pub use crate::ops::NOT_STRICT;
}
