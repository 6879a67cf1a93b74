//! The use cases: export, import, and the opened cache they run on.

mod blob_reader;
mod cache;
mod conditions;
mod context;
mod doctor;
mod export;
mod import;
mod lazy;
mod local_limit;
mod lost;
mod manifests;
mod meter;
mod needs;
mod persist;
mod presence;
pub(crate) mod push;
mod report;
mod rounds;
mod tuning;

pub use blob_reader::BlobReader;
pub use cache::{S3Cache, S3CacheBuilder};
pub use doctor::{Check, CheckOutcome, DoctorOptions, NO_BETTER_HINT};
pub use export::{ExportOptions, Exported, export};
pub use import::{
    ExplainedLeaf, ExplainedManifest, Explanation, ImportOptions, Imported, NOT_STRICT, import, import_from,
};
pub(crate) use lazy::{Located, MANIFEST_TYPE, Resolved, resolve};
pub use report::{BlobCounts, ImportOutcome, MergedManifest, Report, SourceOutcome};
#[doc(hidden)]
pub use tuning::Tuning;
