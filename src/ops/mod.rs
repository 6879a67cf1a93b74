//! The use cases: export, import, and the opened cache they run on.

mod agree;
mod blob_reader;
mod cache;
mod doctor;
mod download;
mod export;
mod fetch;
mod import;
mod job;
mod load;
mod local_limit;
mod meter;
mod needs;
mod persist;
mod presence;
mod report;
mod restore;
mod rounds;
mod send;
mod tuning;
mod upload;
mod wanted;

pub use blob_reader::BlobReader;
pub use cache::{S3Cache, S3CacheBuilder};
pub use doctor::{Check, CheckOutcome, DoctorOptions};
pub use export::{ExportOptions, Exported, export};
pub use import::{import, import_from};
pub use report::{BlobCounts, ImportOutcome, Report, SourceOutcome};
pub use restore::{ImportOptions, Imported};
#[doc(hidden)]
pub use tuning::Tuning;
