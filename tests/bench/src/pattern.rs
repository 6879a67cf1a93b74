//! The bytes of the blobs: each is a stretch of one pseudo-random ring, which the driver and the sink generate alike.
//! The sink serves gigabytes with the right digests from one buffer, and no file system or link can compress them.

use std::io::{self, Write};

/// The size of the ring: larger than a blob of the case `big`, and not a multiple of a block, so that stretches differ.
pub(crate) const RING: usize = 64 * 1024 * 1024 + 4099;

pub(crate) struct Pattern {
    bytes: Vec<u8>,
}

impl Pattern {
    pub(crate) fn new() -> Self {
        Self::of(RING)
    }

    fn of(length: usize) -> Self {
        let mut bytes = Vec::with_capacity(length + 8);
        // SplitMix64 from a fixed seed.
        let mut state = 0x5333_6275_696c_6463_u64;
        while bytes.len() < length {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
        }
        bytes.truncate(length);
        Self { bytes }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the `size` bytes from `offset` as consecutive slices of at most `most` bytes.
    pub(crate) fn stretch(&self, offset: u64, size: u64, most: usize) -> impl Iterator<Item = &[u8]> {
        let ring = self.bytes.len();
        let mut at = (offset % ring as u64) as usize;
        let mut left = size;
        std::iter::from_fn(move || {
            if left == 0 {
                return None;
            }
            let length = (ring - at).min(most).min(usize::try_from(left).unwrap_or(usize::MAX));
            let slice = &self.bytes[at..at + length];
            at = (at + length) % ring;
            left -= length as u64;
            Some(slice)
        })
    }

    pub(crate) fn write(&self, offset: u64, size: u64, mut out: impl Write) -> io::Result<()> {
        self.stretch(offset, size, usize::MAX).try_for_each(|slice| out.write_all(slice))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_wraps_and_has_its_size() {
        let pattern = Pattern::of(10);
        let mut out = Vec::new();
        pattern.write(7, 25, &mut out).unwrap();
        let ring: Vec<u8> = pattern.bytes().iter().copied().cycle().skip(7).take(25).collect();
        assert_eq!(out, ring);
        let pieces: Vec<usize> = pattern.stretch(7, 25, 4).map(<[u8]>::len).collect();
        assert_eq!(pieces, [3, 4, 4, 2, 4, 4, 2, 2]);
    }

    #[test]
    fn the_ring_does_not_repeat() {
        let pattern = Pattern::of(4096);
        assert_ne!(pattern.bytes()[..64], pattern.bytes()[64..128]);
    }
}
