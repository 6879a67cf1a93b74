//! When a blob is split, and the sizes of its parts and ranges.

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
}

impl Default for Tuning {
    fn default() -> Self {
        Self { split_above: 16 * MIB, part_size: 8 * MIB, range_size: 8 * MIB, max_copy: 5 * 1024 * MIB }
    }
}
