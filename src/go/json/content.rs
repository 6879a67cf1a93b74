//! The content of a string, not yet decoded.

use std::borrow::Cow;

use crate::go::json::text::{lossy_length, lossy_utf8, unescape};

/// No key of a struct is longer, even with every character escaped.
const MAX_KEY_BYTES: usize = 256;

/// The content of a string: its bytes, and whether they contain escapes, which are all valid.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    pub(super) bytes: &'a [u8],
    /// The same as text, if it is UTF-8.
    pub(super) text: Option<&'a str>,
    pub(super) escaped: bool,
}

impl<'a> Content<'a> {
    /// Decodes the string. Invalid UTF-8 bytes and unpaired surrogates become U+FFFD.
    pub(super) fn decode(self) -> Cow<'a, str> {
        let text = self.text.map_or_else(|| lossy_utf8(self.bytes), Cow::Borrowed);
        if self.escaped { Cow::Owned(unescape(&text)) } else { text }
    }

    /// Decodes a key. A key longer than any known one becomes empty.
    pub(super) fn decode_key(self) -> Cow<'a, str> {
        if self.bytes.len() > MAX_KEY_BYTES { Cow::Borrowed("") } else { self.decode() }
    }

    /// Returns the maximum memory needed to decode it.
    pub(super) fn cost(self) -> usize {
        match self.text {
            Some(text) => text.len(),
            None => lossy_length(self.bytes) * if self.escaped { 2 } else { 1 },
        }
    }
}
