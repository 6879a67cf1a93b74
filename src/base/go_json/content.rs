//! The inside of a string, not decoded yet.

use std::borrow::Cow;

use crate::base::json::{mend_utf8, mended_length, unescape};

/// No key of a struct is longer, even with every letter escaped.
const MAX_KEY_BYTES: usize = 256;

/// The inside of a string: its bytes, and whether there are escapes among them, all of them valid.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    pub(super) bytes: &'a [u8],
    /// The same, where it is UTF-8.
    pub(super) text: Option<&'a str>,
    pub(super) escaped: bool,
}

impl<'a> Content<'a> {
    pub(super) fn decode(self) -> Cow<'a, str> {
        let text = self.text.map_or_else(|| mend_utf8(self.bytes), Cow::Borrowed);
        if self.escaped { Cow::Owned(unescape(&text)) } else { text }
    }

    /// The same of a key. One that is longer than any known one is empty.
    pub(super) fn decode_key(self) -> Cow<'a, str> {
        if self.bytes.len() > MAX_KEY_BYTES { Cow::Borrowed("") } else { self.decode() }
    }

    /// The memory that decoding takes at most.
    pub(super) fn cost(self) -> usize {
        match self.text {
            Some(text) => text.len(),
            None => mended_length(self.bytes) * if self.escaped { 2 } else { 1 },
        }
    }
}
