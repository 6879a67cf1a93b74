//! The use cases: export, import, and the opened cache they run on.

mod blob_reader;
mod cache;
mod doctor;
mod export;
mod import;
mod local_limit;
mod manifests;
mod meter;
mod persist;
mod report;
mod resume;
mod rounds;
mod tuning;

pub use blob_reader::BlobReader;
pub use cache::{S3Cache, S3CacheBuilder};
pub use doctor::{Check, CheckOutcome, DoctorOptions};
pub use export::{ExportOptions, Exported, export};
pub use import::{ImportOptions, Imported, import, import_from};
pub use report::{BlobCounts, ImportOutcome, Report, SourceOutcome};
#[doc(hidden)]
pub use tuning::Tuning;

/// Locks the mutex. A thread that panicked while it held the lock left nothing half done.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
