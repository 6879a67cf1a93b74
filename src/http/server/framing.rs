//! Where the body of a request ends.

use super::headers::Headers;
use super::method::Method;
use super::rejection::Rejection;

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// The number of bytes, zero if the request has no body.
    Length(u64),
    Chunked,
}

impl Framing {
    /// Returns the framing of a request.
    ///
    /// # Errors
    /// If another server could see the end elsewhere (RFC 9112, section 6.3): then a part of a body could be taken for
    /// the next request.
    pub(crate) fn of(method: &Method, is_1_0: bool, headers: &Headers) -> Result<Self, Rejection> {
        let mut lengths = headers.all("content-length");
        let mut codings = headers.all("transfer-encoding");
        let framing = match (lengths.next(), codings.next()) {
            (Some(_), Some(_)) => {
                return Err(Rejection::bad("the request has both Content-Length and Transfer-Encoding"));
            }
            (Some(length), None) => Self::Length(parse_length(length)?),
            (None, Some(_)) if is_1_0 => return Err(Rejection::bad("HTTP/1.0 has no Transfer-Encoding")),
            (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Self::Chunked,
            (None, Some(_)) => return Err(Rejection::bad("the only supported Transfer-Encoding is chunked")),
            (None, None) => Self::Length(0),
        };
        // A list of equal values is valid, but nobody sends one in good faith.
        if lengths.next().is_some() || codings.next().is_some() {
            return Err(Rejection::bad("Content-Length or Transfer-Encoding is repeated"));
        }
        // Implementations disagree on whether HEAD may have a body. A length of zero is no body for any of them.
        if *method == Method::Head && framing != Self::Length(0) {
            return Err(Rejection::bad("a HEAD request has a body"));
        }
        Ok(framing)
    }
}

fn parse_length(value: &str) -> Result<u64, Rejection> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().ok()).flatten().ok_or(Rejection::bad("the Content-Length is invalid"))
}
