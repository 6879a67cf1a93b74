//! The target of a request: a path and a query.

use super::rejection::Rejection;

/// Returns path and query of a target in origin form, percent-encoded as they are.
///
/// # Errors
/// If the target has another form, or its path could be read in two ways.
pub(crate) fn parse(target: &str) -> Result<(&str, Option<&str>), Rejection> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    if !path.starts_with('/') {
        return Err(Rejection::bad("the request target is not a path"));
    }
    if !path.bytes().all(is_path_byte) || !query.unwrap_or_default().bytes().all(is_query_byte) {
        return Err(Rejection::bad("the request target contains an invalid character"));
    }
    decoded(query.unwrap_or_default().as_bytes())?;
    let decoded = decoded(path.as_bytes())?;
    if decoded.iter().any(u8::is_ascii_control) {
        return Err(Rejection::bad("the path contains a control character"));
    }
    // As whole segments only: `a..b` is a valid tag.
    let mut segments = decoded.split(|byte| *byte == b'/');
    if path.contains("//") || segments.any(|segment| matches!(segment, b"." | b"..")) || has_empty_segment(&decoded) {
        return Err(Rejection::bad("the path has an empty segment, `.` or `..`"));
    }
    Ok((path, query))
}

fn has_empty_segment(path: &[u8]) -> bool {
    path.windows(2).any(|pair| pair == b"//")
}

/// What RFC 3986 allows in a path.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&byte)
}

/// More than RFC 3986 allows, because clients leave other printable characters as they are.
fn is_query_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

fn decoded(text: &[u8]) -> Result<Vec<u8>, Rejection> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => match (bytes.next().copied().and_then(hex_digit), bytes.next().copied().and_then(hex_digit)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err(Rejection::bad("the request target has an invalid percent-encoding")),
            },
            byte => *byte,
        });
    }
    Ok(out)
}

/// Returns the value of a hexadecimal digit.
pub(super) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
