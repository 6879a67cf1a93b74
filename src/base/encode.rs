//! Percent-encoding by SigV4's rule: everything but `A-Z a-z 0-9 - . _ ~` becomes `%XX`, in upper case.

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Encodes an object key or a path; `/` stays.
pub(crate) fn percent_encode_path(text: &str) -> String {
    encode(text, true)
}

/// Encodes one name or one value of a query; `/` becomes `%2F`.
pub(crate) fn percent_encode_query(text: &str) -> String {
    encode(text, false)
}

fn encode(text: &str, keep_slash: bool) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte.into()),
            b'/' if keep_slash => out.push('/'),
            _ => {
                out.push('%');
                for nibble in [byte >> 4, byte & 15] {
                    out.push(HEX.get(usize::from(nibble)).copied().unwrap_or(b'0').into());
                }
            }
        }
    }
    out
}

/// Decodes `%XX`, and `+` as a space where the text is form-encoded. `None` for a broken escape or for bytes that are
/// not UTF-8.
pub(crate) fn percent_decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if plus_is_space => b' ',
            _ => byte,
        });
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_unreserved_stay() {
        assert_eq!(percent_encode_path("a/ü +~%:=*'()!"), "a/%C3%BC%20%2B~%25%3A%3D%2A%27%28%29%21");
        assert_eq!(percent_encode_query("a/b"), "a%2Fb");
    }

    #[test]
    fn decoding_takes_encoding_back_and_refuses_broken_escapes() {
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
