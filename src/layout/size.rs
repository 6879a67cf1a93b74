//! How large the documents of a cache in a directory are.

use crate::base::Digest;
use crate::layout::manifest::{Manifest, Reference, print_descriptor};
use crate::layout::write::Committed;
use crate::manifest::{CacheConfig, Descriptor};

impl Committed {
    /// What a commit of `config` would write.
    pub(crate) fn predict(config: &CacheConfig) -> Self {
        let config_size = config.to_local_json().len() as u64;
        // All digests have the same length.
        let reference = Reference { digest: Digest::of(b""), size: config_size };
        let mut manifest = Manifest { config: reference, layers: Vec::new() };
        let mut text = String::new();
        let mut more = 0;
        for (at, layer) in config.layers().iter().enumerate() {
            let descriptor = Descriptor::from(layer);
            if at == 0 {
                manifest.layers.push(descriptor);
                continue;
            }
            text.clear();
            print_descriptor(&mut text, &descriptor);
            more += 1 + text.len() as u64;
        }
        Self { config_size, manifest_size: manifest.print().len() as u64 + more }
    }
}
