//! BuildKit's cache config, which describes the layers of a cache and the steps that produced them.
//!
//! In S3 it is the manifest. In a local cache directory it is the config blob, without annotations, beside a manifest
//! whose descriptors hold them. Nothing here does I/O.
//!
//! A [`CacheConfig`] is checked when it is read, so no index is out of range and there are no cycles. To look up a build
//! step, see [`CacheConfig::find`]; for the layers of its result, [`CacheConfig::chain`]. [`CacheConfigBuilder`] builds
//! a config from your own steps.

mod ancestry;
mod blob_facts;
mod builder;
mod canonical;
mod check;
mod crown;
mod descriptor;
mod filter;
mod find;
mod graph;
mod layered;
mod media_type;
mod min;
mod model;
mod overlay;
mod payload;
mod raw;
mod read;
mod results;
mod retain;
mod write;

#[cfg(test)]
mod tests;

pub use builder::{CacheConfigBuilder, LayerId, RecordId};
pub use crown::Crown;
pub(crate) use descriptor::{Descriptor, IMAGE_NAME, REF_NAME};
pub use model::{
    Alternatives, Annotations, CacheConfig, CacheResult, ChainedResult, Input, Layer, LayerIndex, Record, RecordIndex,
};
pub use overlay::{Contribution, LeafOrigin, Merged, Origins};
pub use read::MAX_MANIFEST_BYTES;
pub use results::RecordResult;
pub(crate) use retain::Retained;
