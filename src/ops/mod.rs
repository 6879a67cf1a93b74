//! The use cases: export and import, and the opened cache they run on.

mod cache;
mod doctor;
mod download;
mod export;
mod fetch;
mod import;
mod load;
mod local_limit;
mod meter;
mod presence;
mod report;
mod send;
mod tuning;
mod upload;

pub use cache::{S3Cache, S3CacheBuilder};
pub use doctor::{Check, CheckOutcome, DoctorOptions};
pub use download::BlobReader;
pub use export::{ExportOptions, export};
pub use import::{ImportOptions, Imported, import, import_from};
pub use report::{BlobCounts, ImportOutcome, Report, SourceOutcome};
#[doc(hidden)]
pub use tuning::Tuning;
