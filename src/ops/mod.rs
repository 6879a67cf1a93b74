//! The use cases: export and import, and the opened cache they run on.

mod cache;
mod download;
mod export;
mod import;
mod presence;
mod report;
mod upload;

pub use cache::{S3Cache, S3CacheBuilder};
pub use download::BlobReader;
pub use export::{ExportOptions, export};
pub use import::{ImportOptions, Imported, import, import_from};
pub use report::{BlobCounts, ImportOutcome, Report, SourceOutcome};
