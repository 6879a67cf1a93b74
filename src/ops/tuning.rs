//! When a blob is split, and the sizes of its parts and ranges.

use crate::cache_config::MAX_MANIFEST_BYTES;
use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// Size thresholds for transfers, in bytes. The defaults suit every known store; tests use smaller ones.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Larger blobs are uploaded in parts and downloaded in ranges.
    pub split_above: u64,
    /// The size of the parts. They are larger if there would be more than 10,000.
    pub part_size: u64,
    /// The largest size of the ranges.
    pub range_size: u64,
    /// Larger objects are touched by copying parts of at most this size.
    pub max_copy: u64,
    /// Larger manifests are refused.
    pub max_manifest: u64,
    /// How long a client that pushes waits for an answer after its request.
    pub answer_within: Duration,
    /// When a pushed manifest is written although blobs have not been refreshed yet.
    pub write_within: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            split_above: 16 * MIB,
            part_size: 8 * MIB,
            range_size: 8 * MIB,
            max_copy: 5 * 1024 * MIB,
            max_manifest: MAX_MANIFEST_BYTES,
            // dockerd gives up after 30 seconds.
            answer_within: Duration::from_secs(25),
            write_within: Duration::from_secs(20),
        }
    }
}
