//! Keys in listings, which may be encoded.

use crate::base::percent_decode;

/// Decodes a key. Some stores claim that keys are encoded but do not encode them: then only the raw key has the
/// requested prefix.
pub(super) fn decode(key: &str, prefix: &str, encoded: bool) -> String {
    let decoded = if encoded { percent_decode(key, true) } else { None };
    match decoded {
        Some(decoded) if decoded.starts_with(prefix) || !key.starts_with(prefix) => decoded,
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_unless_they_were_not_encoded() {
        for (key, prefix, encoded, decoded) in [
            ("a%2Fb+c%2B", "a/", true, "a/b c+"),
            ("a/b%20c", "a/", true, "a/b c"),
            ("a+b/x", "a+b/", true, "a+b/x"),
            ("a%2Bb/x", "a+b/", true, "a+b/x"),
            ("a%b/x", "a%b/", true, "a%b/x"),
            ("a%20b", "", false, "a%20b"),
        ] {
            assert_eq!(decode(key, prefix, encoded), decoded, "{key}");
        }
    }
}
