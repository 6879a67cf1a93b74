//! A checksum that shows whether two reads of a blob yielded the same bytes.

const WORD_BYTES: usize = 8;
const LANES: usize = 8;
const BLOCK_BYTES: usize = WORD_BYTES * LANES;
/// Odd, so that multiplication loses nothing: a change of a single word always shows.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
/// Moves the highest bits, which multiplication does not spread, to the middle.
const ROTATION: u32 = 29;

/// A checksum over bytes that come in pieces of any size. It costs a tenth of SHA-256, detects accidents, and does not
/// protect against intent.
#[derive(Clone, Debug)]
pub(in crate::ops) struct Sum {
    lanes: [u64; LANES],
    /// The bytes that do not fill a block yet, and their number.
    rest: [u8; BLOCK_BYTES],
    filled: usize,
    size: u64,
}

/// The value of a [`Sum`].
pub(in crate::ops) type Summed = ([u64; LANES], u64);

impl Default for Sum {
    fn default() -> Self {
        Self { lanes: [0; LANES], rest: [0; BLOCK_BYTES], filled: 0, size: 0 }
    }
}

impl Sum {
    pub(in crate::ops) fn update(&mut self, mut bytes: &[u8]) {
        self.size += bytes.len() as u64;
        if self.filled > 0 {
            bytes = self.fill(bytes);
            if self.filled < BLOCK_BYTES {
                return;
            }
            self.lanes = mixed(self.lanes, &[self.rest]);
            self.filled = 0;
        }
        let (blocks, rest) = bytes.as_chunks();
        self.lanes = mixed(self.lanes, blocks);
        self.fill(rest);
    }

    pub(in crate::ops) fn finish(mut self) -> Summed {
        if let Some(unused) = self.rest.get_mut(self.filled..) {
            unused.fill(0);
        }
        (mixed(self.lanes, &[self.rest]), self.size)
    }

    /// Takes as many bytes as the block has room for, and returns the others.
    fn fill<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let room = self.rest.get_mut(self.filled..).unwrap_or_default();
        let (taken, others) = bytes.split_at(room.len().min(bytes.len()));
        room.iter_mut().zip(taken).for_each(|(into, byte)| *into = *byte);
        self.filled += taken.len();
        others
    }
}

/// Adds blocks to the lanes. The lanes are written out, so that they stay in registers also in a build for size.
fn mixed(lanes: [u64; LANES], blocks: &[[u8; BLOCK_BYTES]]) -> [u64; LANES] {
    let mix = |lane: u64, word: &[u8; WORD_BYTES]| {
        (lane ^ u64::from_le_bytes(*word)).rotate_left(ROTATION).wrapping_mul(FACTOR)
    };
    blocks.iter().fold(lanes, |[a, b, c, d, e, f, g, h], block| match block.as_chunks() {
        ([i, j, k, l, m, n, o, p], _) => {
            [mix(a, i), mix(b, j), mix(c, k), mix(d, l), mix(e, m), mix(f, n), mix(g, o), mix(h, p)]
        }
        _ => [a, b, c, d, e, f, g, h],
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(pieces: &[&[u8]]) -> Summed {
        let mut sum = Sum::default();
        pieces.iter().for_each(|piece| sum.update(piece));
        sum.finish()
    }

    #[test]
    fn appended_zeros_show() {
        assert_ne!(sum(&[&[1]]), sum(&[&[1, 0]]));
        assert_ne!(sum(&[&[]]), sum(&[&[0; BLOCK_BYTES]]));
    }

    /// The highest bit is the one that multiplication does not spread.
    #[test]
    fn two_flipped_bits_in_one_lane_do_not_cancel_out() {
        let zeros = [0; 3 * BLOCK_BYTES];
        for (first, second) in [(0, 1), (0, 2), (1, 2)] {
            let mut bytes = zeros;
            for block in [first, second] {
                bytes[block * BLOCK_BYTES + WORD_BYTES - 1] ^= 0x80;
            }
            assert_ne!(sum(&[&bytes]), sum(&[&zeros]), "blocks {first} and {second}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter_and_every_flipped_bit_does(
            bytes in prop::collection::vec(any::<u8>(), 1..300),
            cuts in prop::collection::vec(0_usize..300, 0..6),
            bit in any::<usize>(),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            let whole = sum(&[&bytes]);
            prop_assert_eq!(sum(&pieces), whole);
            let mut flipped = bytes.clone();
            let bit = bit % (8 * bytes.len());
            flipped[bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(sum(&[&flipped]), whole);
        }
    }
}
