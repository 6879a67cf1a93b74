//! The keys of blobs and manifests in a bucket.

mod keys;

pub(crate) use keys::Keys;
