//! A BuildKit `type=local` cache directory: an OCI layout whose `index.json` names cache manifests by tag.
//!
//! [`LocalCache`] is a cache in such a directory, and [`LayoutWriter`] writes one.
//!
//! The files and the order they are written in follow BuildKit's `client/ociindex`, `cache/remotecache` and
//! containerd's local content store. The directory's contents are untrusted: links are not followed, no read can block,
//! and a manifest or config is checked against its digest before it is parsed.

mod blob;
mod cache;
mod gc;
pub(crate) mod index;
mod lock;
pub(crate) mod manifest;
mod path;
mod raw;
mod read;
mod sizes;
mod write;

pub use cache::LocalCache;
pub use gc::{Collected, GcOptions};
pub use sizes::DocumentSizes;
pub use write::{BlobWriter, LayoutWriter};

#[cfg(test)]
mod tests;
