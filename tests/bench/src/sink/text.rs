//! Percent-encoding and XML, as far as the sink needs them.

pub(super) fn percent_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = match bytes[at] {
            b'%' => text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        out.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

/// Encodes a key as listings do with `encoding-type=url`.
pub(super) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

pub(super) fn document(name: &str, inner: &str) -> Vec<u8> {
    let space = "http://s3.amazonaws.com/doc/2006-03-01/";
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{name} xmlns=\"{space}\">{inner}</{name}>").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_goes_both_ways() {
        for (plain, encoded) in [("blobs/sha256:a", "blobs/sha256%3Aa"), ("a b+%", "a%20b%2B%25"), ("é", "%C3%A9")] {
            assert_eq!(percent_encode(plain), encoded);
            assert_eq!(percent_decode(encoded), plain.as_bytes());
        }
        assert_eq!(percent_decode("100%"), b"100%");
        assert_eq!(percent_decode("%zz"), b"%zz");
    }
}
