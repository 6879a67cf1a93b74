//! A BuildKit `type=local` cache directory: an OCI layout whose `index.json` names cache manifests by tag.
//!
//! The files and their order follow BuildKit's `client/ociindex`, `cache/remotecache` and containerd's local content
//! store. What lies in the directory is not trusted: nothing is followed, nothing can make a read wait, and every byte
//! that is taken for a manifest or a config is checked against its digest first.

mod blob;
mod cache;
mod durable;
pub(crate) mod index;
mod lock;
pub(crate) mod manifest;
mod probe;
mod raw;
mod size;
mod write;

pub use blob::BlobWriter;
pub use cache::LocalCache;
pub use write::{Committed, LayoutWriter};

#[cfg(test)]
mod tests;
