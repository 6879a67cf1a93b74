//! Percent-encoding by SigV4's rule: everything but `A-Z a-z 0-9 - . _ ~` becomes `%XX`, in upper case.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// One name or one value of a query.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// An object key or a path.
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// Encodes an object key or a path; `/` is kept.
pub(crate) fn percent_encode_path(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

/// Encodes one name or one value of a query; `/` becomes `%2F`.
pub(crate) fn percent_encode_query(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

/// Decodes `%XX`, and `+` as a space if the text is form-encoded. Returns `None` for an incomplete escape and for bytes
/// that are not UTF-8.
pub(crate) fn percent_decode(text: &str, plus_is_space: bool) -> Option<String> {
    // The crate keeps an incomplete escape as it is.
    let is_escape =
        |rest: &[u8]| rest.first_chunk().is_some_and(|digits: &[u8; 2]| digits.iter().all(u8::is_ascii_hexdigit));
    let bytes = text.as_bytes();
    if !bytes.split(|byte| *byte == b'%').skip(1).all(is_escape) {
        return None;
    }
    let spaced = if plus_is_space { text.replace('+', " ") } else { text.to_owned() };
    Some(percent_encoding::percent_decode(spaced.as_bytes()).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_are_left_unencoded() {
        assert_eq!(percent_encode_path("a/ü +~%:=*'()!"), "a/%C3%BC%20%2B~%25%3A%3D%2A%27%28%29%21");
        assert_eq!(percent_encode_query("a/b"), "a%2Fb");
    }

    #[test]
    fn decoding_reverses_encoding_and_rejects_invalid_escapes() {
        for text in ["", "a/ü +~%:=", "\u{1F980}\n"] {
            assert_eq!(percent_decode(&percent_encode_query(text), true).as_deref(), Some(text));
        }
        assert_eq!(percent_decode("a+b", false).as_deref(), Some("a+b"));
        assert_eq!(percent_decode("a+b", true).as_deref(), Some("a b"));
        for broken in ["%", "%2", "%2g", "%g2", "%+1", "%ff"] {
            assert_eq!(percent_decode(broken, true), None, "{broken}");
        }
    }
}
