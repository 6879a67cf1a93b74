//! The sizes of the documents that describe a cache in a directory.

use crate::base::Digest;
use crate::cache_config::{CacheConfig, Crown};
use crate::layout::manifest::{self, Reference, print_descriptor};

/// The sizes of the documents that describe a cache in a directory. BuildKit reads neither if it exceeds 1 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DocumentSizes {
    /// The size of the cache config in bytes.
    pub config_size: u64,
    /// The size of the manifest in bytes.
    pub manifest_size: u64,
}

impl DocumentSizes {
    /// Returns the sizes of the documents that [`LayoutWriter::commit`](crate::layout::LayoutWriter::commit) would
    /// write for `config`.
    pub fn of(config: &CacheConfig) -> Self {
        Self::with_crown(config, Crown::Plain)
    }

    /// Returns the sizes of the documents if the writer uses this [crown](crate::layout::LayoutWriter::crown).
    pub fn with_crown(config: &CacheConfig, crown: Crown) -> Self {
        let config_size = config.to_local_json(crown).len() as u64;
        // All digests have the same length.
        let reference = Reference { digest: Digest::of(b""), size: config_size };
        let mut layers = config.descriptors();
        let mut manifest_size = manifest::print(&reference, layers.by_ref().take(1)).len() as u64;
        // Printing one layer at a time keeps memory flat.
        let mut text = String::new();
        for layer in layers {
            text.clear();
            print_descriptor(&mut text, &layer);
            manifest_size += 1 + text.len() as u64;
        }
        Self { config_size, manifest_size }
    }
}
