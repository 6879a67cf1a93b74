//! The use cases: export, import, and the opened cache they run on.

mod blob_reader;
mod cache;
mod conditions;
mod context;
mod copy;
mod doctor;
mod export;
mod import;
mod inspect;
mod lazy;
mod local_limit;
mod lost;
mod manifests;
mod meter;
mod needs;
mod persist;
mod presence;
mod prune;
pub(crate) mod push;
mod remove;
mod remove_object;
mod report;
mod rounds;
mod stale_uploads;
mod survey;
mod tuning;
mod verify;

pub use blob_reader::BlobReader;
pub use cache::{S3Cache, S3CacheBuilder};
pub use copy::{Copied, FailedCopy};
pub use doctor::{Check, CheckOutcome, DoctorOptions, NO_BETTER_HINT};
pub use export::{ExportOptions, Exported, export};
pub use import::{
    ExplainedLeaf, ExplainedManifest, Explanation, ImportOptions, Imported, NOT_STRICT, import, import_from,
};
pub use inspect::{
    AgeBand, BlobState, DiskUsage, LargeBlob, LayerDetails, LeafDetails, ManifestDetails, ManifestSummary, StoredCopy,
    html_page,
};
pub(crate) use lazy::{Located, MANIFEST_TYPE, Resolved, resolve};
pub use prune::{DroppedManifest, LostBlob, PruneOptions, PrunePlan, PruneStep, Pruned};
pub use remove::RemovePlan;
pub use report::{BlobCounts, ImportOutcome, MergedManifest, Report, SourceOutcome};
pub use survey::BlobSum;
#[doc(hidden)]
pub use tuning::Tuning;
pub use verify::{Defect, Finding, RepairPlan, RepairStep, Verification};
