//! The sizes of the documents of a cache in a directory.

use crate::base::Digest;
use crate::cache_config::CacheConfig;
use crate::layout::manifest::{self, Reference, print_descriptor};
use crate::layout::write::Committed;

impl Committed {
    /// Returns the sizes that a commit of `config` would write.
    pub(crate) fn predict(config: &CacheConfig) -> Self {
        let config_size = config.to_local_json().len() as u64;
        // All digests have the same length.
        let reference = Reference { digest: Digest::of(b""), size: config_size };
        let mut layers = config.descriptors();
        let mut manifest_size = manifest::print(&reference, layers.by_ref().take(1)).len() as u64;
        let mut text = String::new();
        for layer in layers {
            text.clear();
            print_descriptor(&mut text, &layer);
            manifest_size += 1 + text.len() as u64;
        }
        Self { config_size, manifest_size }
    }
}
