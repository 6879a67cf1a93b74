//! Reads what a bucket holds: all blobs under the prefix, and the manifests, one after another.
//!
//! The blobs are listed first. A manifest that was written since may name blobs that the listing lacks, so those are
//! looked up one by one.

mod blobs;
mod manifests;
mod stored;
mod sum;
mod usage;

pub(super) use blobs::list_blobs;
pub(super) use manifests::{ListedManifest, Reading, list_manifests, named_manifests, read_manifests};
pub(super) use stored::StoredBlobs;
pub use sum::BlobSum;
pub(super) use usage::{ManifestUse, Owner, Usage};
