//! Interim responses (1xx), which a server may send any number of times before the final response.
//!
//! ureq mishandles some of them: while it waits for `100 Continue`, it takes an interim response with headers for the
//! final one and never sends the body. [`early_response`](super::early_response) therefore removes them from the input
//! first.

use std::fmt;

/// Servers send a few, or one about every ten seconds while they work.
pub(super) const MAX_INTERIM_RESPONSES: u32 = 100;
/// `103 Early Hints` may have many `Link` headers. Less than the input buffer, which must hold a whole interim
/// response.
const MAX_INTERIM_BYTES: usize = 64 * 1024;
/// `HTTP/1.1 100`
const STATUS_LINE_BYTES: usize = 12;

/// The start of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Too short to classify, or an incomplete interim response.
    Incomplete,
    /// An interim response, up to and including its empty line.
    Interim { status: u16, length: usize },
    /// A final response with this status, possibly incomplete.
    Response(u16),
    /// Not HTTP.
    Other,
}

/// The server sent interim responses that exceed the limits.
#[derive(Debug)]
pub(in crate::http) struct TooManyInterim;

impl Start {
    /// Classifies the start of the input.
    ///
    /// # Errors
    /// If an interim response is too long.
    pub(super) fn of(input: &[u8]) -> Result<Self, TooManyInterim> {
        // Like ureq's parser, skip empty lines.
        let blank = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let head = input.get(blank..).unwrap_or_default();
        let start = match status(head) {
            Some(Ok(status @ (100 | 102..=199))) => match head_length(head) {
                Some(length) => Self::Interim { status, length: blank + length },
                None => Self::Incomplete,
            },
            Some(Ok(status)) => Self::Response(status),
            Some(Err(())) => Self::Other,
            None => Self::Incomplete,
        };
        if start == Self::Incomplete && input.len() > MAX_INTERIM_BYTES { Err(TooManyInterim) } else { Ok(start) }
    }

    /// Returns whether the input makes it pointless to send the rest of the body: a refusal, possibly after interim
    /// responses, or too many interim responses.
    pub(super) fn is_refusal(mut input: &[u8]) -> bool {
        for _ in 0..=MAX_INTERIM_RESPONSES {
            match Self::of(input) {
                Ok(Self::Interim { length, .. }) => input = input.get(length..).unwrap_or_default(),
                // An early success is not a refusal.
                Ok(Self::Response(status)) => return matches!(status, 101 | 300..=599),
                Ok(Self::Incomplete | Self::Other) => return false,
                Err(TooManyInterim) => return true,
            }
        }
        true
    }
}

/// Parses the status line. Returns `None` if it is incomplete and `Some(Err)` if it is invalid.
fn status(head: &[u8]) -> Option<Result<u16, ()>> {
    const PATTERN: &[u8; STATUS_LINE_BYTES] = b"HTTP/1.d ddd";
    let fits = head.iter().zip(PATTERN).all(|(byte, pattern)| match pattern {
        b'd' => byte.is_ascii_digit(),
        _ => byte == pattern,
    });
    if !fits {
        return Some(Err(()));
    }
    let digits = std::str::from_utf8(head.get(9..STATUS_LINE_BYTES)?).ok()?;
    digits.parse().ok().map(Ok)
}

/// Returns the length of the head, including the empty line.
fn head_length(head: &[u8]) -> Option<usize> {
    let mut length = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        length += line.len();
        if matches!(line, b"\n" | b"\r\n") {
            return Some(length);
        }
    }
    None
}

impl fmt::Display for TooManyInterim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server sends endless interim responses (1xx)")
    }
}

impl std::error::Error for TooManyInterim {}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(input: &str) -> Start {
        Start::of(input.as_bytes()).unwrap()
    }

    #[test]
    fn interim_and_final_responses_are_distinguished() {
        let interim = |status, length| Start::Interim { status, length };
        for (input, expected) in [
            ("", Start::Incomplete),
            ("\r\n", Start::Incomplete),
            ("HTTP/1.1 10", Start::Incomplete),
            ("HTTP/1.1 100 Continue\r\n", Start::Incomplete),
            ("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n", Start::Incomplete),
            ("HTTP/1.1 100 Continue\r\n\r\n", interim(100, 25)),
            ("HTTP/1.1 100\n\nHTTP/1.1 200", interim(100, 14)),
            ("\r\nHTTP/1.0 103 x\r\na: b\r\n\r\nHTTP/1.1 200", interim(103, 26)),
            ("HTTP/1.1 199 x\r\n\r\n", interim(199, 18)),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Start::Response(101)),
            ("HTTP/1.1 200", Start::Response(200)),
            ("HTTP/1.1 417 Expectation Failed\r\n", Start::Response(417)),
            ("HTTP/2 200", Start::Other),
            ("SSH-2.0", Start::Other),
            ("HTTP/1.1 1x3", Start::Other),
        ] {
            assert_eq!(start(input), expected, "{input:?}");
        }
    }

    #[test]
    fn an_endless_interim_response_is_an_error() {
        let hints = format!("HTTP/1.1 103 Early Hints\r\nlink: {}", "x".repeat(MAX_INTERIM_BYTES));
        assert!(Start::of(hints.as_bytes()).is_err());
        assert!(Start::of(&vec![b'\n'; MAX_INTERIM_BYTES + 1]).is_err());
    }

    #[test]
    fn a_refusal_after_interim_responses_is_detected() {
        for (input, refuses) in [
            ("HTTP/1.1 100 Continue\r\n\r\n", false),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", false),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\n", true),
            ("HTTP/1.1 102 x\r\n\r\nHTTP/1.1 103 x\r\na: b\r\n\r\nHTTP/1.1 307", true),
            ("HTTP/1.1 101 x\r\n", true),
            ("HTTP/1.1 503", true),
            ("HTTP/1.1 50", false),
            ("garbage", false),
            (&"HTTP/1.1 100 Continue\r\n\r\n".repeat(101), true),
        ] {
            assert_eq!(Start::is_refusal(input.as_bytes()), refuses, "{input:?}");
        }
    }
}
