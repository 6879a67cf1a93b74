//! Shows what a bucket holds: its manifests, one of them in detail, and what fills it.

mod ages;
mod details;
mod html;
mod largest;
mod usage;

pub use ages::AgeBand;
pub use details::{BlobState, LayerDetails, LeafDetails, ManifestDetails, StoredCopy};
pub use html::html_page;
pub use largest::LargeBlob;
pub use usage::{DiskUsage, ManifestSummary};
