//! Finds text that needs neither escaping nor unescaping, eight bytes at a time: most text needs neither.

/// Returns the length of a prefix of `bytes` that needs no escaping or unescaping: ASCII without control characters,
/// quotes, backslashes and the characters that Go escapes. Checks eight bytes at a time.
#[inline(always)]
pub(super) fn plain_start(bytes: &[u8]) -> usize {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    // A byte's high bit is set if the byte is below the limit (at most 0x80), or equal.
    let below = |word: u64, limit: u64| word.wrapping_sub(EACH * limit) & !word;
    let equal = |word: u64, byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    let is_plain = |chunk: [u8; 8]| {
        let word = u64::from_ne_bytes(chunk);
        let quote_or_and = equal(word | (EACH * 4), b'&');
        let angle = equal(word | (EACH * 2), b'>');
        (word | below(word, 0x20) | quote_or_and | angle | equal(word, b'\\')) & (EACH * 0x80) == 0
    };
    let mut length = 0;
    for chunk in bytes.as_chunks().0 {
        if !is_plain(*chunk) {
            break;
        }
        length += chunk.len();
    }
    length
}
