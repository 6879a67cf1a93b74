//! Sizes at which transfers change their ways.

const MIB: u64 = 1024 * 1024;

/// Sizes in bytes at which transfers change their ways. The defaults are right for every store that is known; tests
/// use small ones.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Larger blobs are uploaded in parts.
    pub multipart_above: u64,
    /// The size of a part, unless there would be more than 10,000.
    pub part_size: u64,
    /// Larger blobs are downloaded in ranges, none larger than this.
    pub range_size: u64,
    /// Larger objects are touched by copies of parts, none larger than this.
    pub max_copy: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { multipart_above: 64 * MIB, part_size: 16 * MIB, range_size: 16 * MIB, max_copy: 5 * 1024 * MIB }
    }
}
