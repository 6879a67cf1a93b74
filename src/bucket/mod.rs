//! What lies where in a bucket: keys, the names of manifests, and the list of all blobs.

mod blob_table;
mod glob;
mod keys;
mod listing;
mod names;
mod slices;

pub(crate) use blob_table::{BlobTable, StoredBlob};
pub(crate) use keys::{Keys, is_folder};
pub(crate) use listing::{BlobListing, Listed};
pub use names::Names;
