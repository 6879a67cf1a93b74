//! Keeps Docker's build cache in S3 (`docker buildx build --cache-to type=s3`) outside BuildKit's daemon: moves it to
//! and from a local cache directory, serves it to builds, reads it lazily, and looks after the bucket. The bucket
//! layout and the manifest are BuildKit's own, byte for byte except for [one record](cache_config::Crown) in
//! multi-platform caches. Synchronous, on a thread pool: no async runtime, no global state, and no thread outlives a
//! call.
//!
//! ```no_run
//! use s3_build_cache::{CacheOptions, ImportOutcome, LocalCache, export, import};
//!
//! let options: CacheOptions = "type=s3,region=eu-west-1,bucket=my-cache,name=app".parse()?;
//! let report = export(&LocalCache::open("cache", "latest")?, &options)?;
//! println!("{} of {} blobs uploaded", report.blobs.transferred, report.blobs.total);
//! if let ImportOutcome::Restored(report) = import(&options, &LocalCache::create("restored", "latest"))? {
//!     println!("{} layers restored", report.layers);
//! }
//! # Ok::<(), s3_build_cache::Error>(())
//! ```
//!
//! The [guides](guide) explain the program and its settings; [`guide::embedding`] is the one for users of the library.
//!
//! [`S3Cache`] opens a cache for several operations over one set of connections, and reads it lazily. [`serve`] answers
//! builds from it, as a registry. [`CacheConfig::find`] looks up a build step, and [`CacheConfig::chain`] returns the
//! layers to fetch. If your blobs are not files, implement [`BlobSource`](object::BlobSource); to build a config from
//! scratch, use [`CacheConfigBuilder`](cache_config::CacheConfigBuilder). Progress, cancellation, clock, environment,
//! credentials and the [object store](object::ObjectStore) itself can be injected.
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `cli` | yes | the dependencies of the program `s3-build-cache`; library users set `default-features = false` |
//!
//! # What logs may show
//!
//! Logs go through the `log` facade: `warn` reports what the user should know (a dropped layer, a skipped source),
//! `info` retries, and `debug` the method, host, path, query and status of every request. Bucket names, keys and hosts
//! are logged; headers, credentials, tokens and signatures never are. ureq writes its own logs: at `debug`, headers
//! filtered by an allow-list.
//!
//! At `trace`, ureq logs whole URLs, and `ureq_proto` every byte of requests and responses, including session tokens.
//! If your logger enables `trace`, exclude the targets `ureq` and `ureq_proto`. The program logs nothing below `debug`.
//!
//! # Signals
//!
//! The library installs no signal handlers. Under a file size limit (`ulimit -f`), the default action of SIGXFSZ kills
//! the process. If you handle or ignore that signal, as the program does, you get the error `File too large` instead.
//! SIGPIPE is ignored by Rust's runtime; keep it ignored.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)
)]

#[cfg(not(unix))]
compile_error!("s3-build-cache runs on Unix only: on Linux, macOS or a BSD (on Windows, in WSL)");

mod aws;
mod base;
mod bucket;
pub mod cache_config;
mod config;
pub mod credentials;
mod files;
mod go;
pub mod guide;
mod http;
pub mod layout;
pub mod object;
mod ops;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[path = "../tests/properties/mod.rs"]
pub mod properties;
mod s3;
pub mod serve;
mod sigv4;
pub mod store;
mod transfer;

pub use base::{Cancel, Digest, Error, ErrorKind, Result};
pub use cache_config::CacheConfig;
pub use config::CacheOptions;
pub use layout::LocalCache;
pub use ops::{
    BlobReader, ExportOptions, ImportOptions, ImportOutcome, Report, S3Cache, S3CacheBuilder, export, import,
    import_from,
};

/// The parts of [`CacheOptions`], and local caches in the same syntax.
pub mod options {
    pub use crate::config::{
        AccessKeys, AccountId, Bucket, CacheOptionsBuilder, CacheRef, CredentialOptions, DefaultAttributes,
        EndpointUrl, KeyLayout, LocalOptions, Location, Mode, OnConflict, PayloadSigning, Policy, RequestPayer,
        RetryMode, RoleOptions, VerifySource,
    };
}

/// The parts of an [`Error`], and what parsers return.
pub mod error {
    pub use crate::base::{InvalidDigest, IoError, Problem, S3Error, S3ErrorClass, printable};
    pub use crate::go::InvalidTimestamp;
}

/// What exports, imports and their sources report.
pub mod report {
    pub use crate::ops::{
        BlobCounts, ExplainedLeaf, ExplainedManifest, Explanation, Exported, Imported, MergedManifest, SourceOutcome,
    };
}

/// The checks of [`S3CacheBuilder::diagnose`].
pub mod doctor {
    pub use crate::ops::{Check, CheckOutcome, DoctorOptions};
}

/// The manifests and blobs of a bucket.
pub mod inspect {
    pub use crate::bucket::Names;
    pub use crate::ops::{
        AgeBand, BlobState, BlobSum, DiskUsage, LargeBlob, LayerDetails, LeafDetails, ManifestDetails, ManifestSummary,
        StoredCopy, html_page,
    };
}

/// Checks of a bucket, and repairs.
pub mod verify {
    pub use crate::ops::{Defect, Finding, RepairPlan, RepairStep, Verification};
}

/// Dropping old manifests, and deleting what no manifest references.
pub mod prune {
    pub use crate::ops::{DroppedManifest, LostBlob, PruneOptions, PrunePlan, PruneStep, Pruned};
}

/// Copying caches.
pub mod copy {
    pub use crate::ops::{Copied, FailedCopy};
}

/// Removing manifests by name.
pub mod remove {
    pub use crate::ops::RemovePlan;
}

/// Progress events.
pub mod progress {
    pub use crate::base::{Action, Event, NoProgress, Progress, Step};
}

/// The environment that settings fall back to.
pub mod env {
    pub use crate::base::{Env, MapEnv, ProcessEnv};
}

/// Clocks and timestamps.
pub mod time {
    pub use crate::base::{Clock, SystemClock};
    pub use crate::go::Timestamp;
}

/// Items that only the program `s3-build-cache` and its tests use. The program is a crate of its own, so they must be
/// public, but they are not part of the API and may change in any release.
#[doc(hidden)]
pub mod program {
    pub use crate::aws::VARIABLES;
    pub use crate::base::{
        NotReceived, OUT_OF_FILES, OneshotReceiver, OneshotSender, Unpoisoned, age, count, oneshot, size,
        thread_builder,
    };
    pub use crate::config::{
        About, did_you_mean, parse_fields, parse_option_duration, parse_option_size, question, quote_field,
        s3_attribute, s3_attributes,
    };
    pub use crate::go::parse_bool;
    pub use crate::ops::{NO_BETTER_HINT, NOT_STRICT, Tuning};
}
