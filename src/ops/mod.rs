//! The use cases: export, import, and the opened cache they run on.

mod blob_reader;
mod cache;
mod conditions;
mod context;
mod doctor;
mod export;
mod import;
mod local_limit;
mod manifests;
mod meter;
mod persist;
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
pub use report::{BlobCounts, ImportOutcome, MergedManifest, Report, SourceOutcome};
#[doc(hidden)]
pub use tuning::Tuning;
