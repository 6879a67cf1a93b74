//! The head of an HTTP/1.1 request.

use super::text::percent_decode;

/// The length of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: String,
    /// The decoded path without its first slash: bucket, slash, key.
    pub(super) path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Head {
    /// Parses a head. Returns `None` if it is not an HTTP/1.1 request.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut lines = text.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target, version) = (first.next()?, first.next()?, first.next()?);
        if version != "HTTP/1.1" {
            return None;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.take_while(|line| !line.is_empty()).map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Some(Self {
            method: method.to_owned(),
            path: String::from_utf8(percent_decode(path.strip_prefix('/')?)).ok()?,
            query: parameters(query),
            headers: headers.collect::<Option<_>>()?,
        })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// Returns the path without the bucket.
    pub(super) fn key(&self) -> &str {
        self.path.split_once('/').map_or("", |(_, key)| key)
    }

    pub(super) fn framing(&self) -> Framing {
        if self.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Framing::Chunked;
        }
        Framing::Length(self.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0))
    }

    /// Returns the size of the payload if the body is in the framing of the SDKs.
    pub(super) fn decoded_length(&self) -> Option<u64> {
        self.header("x-amz-decoded-content-length")?.parse().ok()
    }

    /// Returns the requested bytes of an object of `size`: the first, and the one past the last. Returns `None` if they
    /// are outside of it.
    pub(super) fn range(&self, size: u64) -> Option<Option<(u64, u64)>> {
        let Some(range) = self.header("range").and_then(|value| value.strip_prefix("bytes=")) else {
            return Some(None);
        };
        let (first, last) = range.split_once('-')?;
        let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) => (first, last.saturating_add(1).min(size)),
            (Ok(first), Err(_)) => (first, size),
            (Err(_), Ok(count)) => (size.saturating_sub(count), size),
            (Err(_), Err(_)) => return None,
        };
        (start < end).then_some(Some((start, end)))
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
}

fn parameters(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| String::from_utf8_lossy(&percent_decode(&text.replace('+', " "))).into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decode(k), decode(v))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        Head::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_request_is_parsed() {
        let head = head(
            "GET /bench/blobs/sha256%3Aab?list-type=2&prefix=a%2Fb+c&uploads HTTP/1.1\r\nHost: x\r\nRange: bytes=2-5\r\n\r\n",
        );
        assert_eq!((head.path.as_str(), head.key()), ("bench/blobs/sha256:ab", "blobs/sha256:ab"));
        assert_eq!(head.parameter("prefix"), Some("a/b c"));
        assert_eq!(head.parameter("uploads"), Some(""));
        assert_eq!(head.parameter("upload"), None);
        assert_eq!(head.header("host"), Some("x"));
        assert_eq!(head.framing(), Framing::Length(0));
    }

    #[test]
    fn invalid_requests_are_refused() {
        for text in ["", "GET /a", "GET / HTTP/1.0\r\n\r\n", "GET a HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nx\r\n\r\n"] {
            assert_eq!(Head::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn bodies_are_framed_by_length_or_chunks() {
        for (header, framing) in [
            ("Content-Length: 7", Framing::Length(7)),
            ("Transfer-Encoding: chunked", Framing::Chunked),
            ("X: y", Framing::Length(0)),
        ] {
            assert_eq!(head(&format!("PUT /b/k HTTP/1.1\r\n{header}\r\n\r\n")).framing(), framing);
        }
        let signed = head("PUT /b/k HTTP/1.1\r\nContent-Length: 99\r\nX-Amz-Decoded-Content-Length: 10\r\n\r\n");
        assert_eq!(signed.decoded_length(), Some(10));
    }

    #[test]
    fn ranges_are_cut_to_the_object() {
        for (range, found) in [
            ("bytes=0-0", Some(Some((0, 1)))),
            ("bytes=3-99", Some(Some((3, 10)))),
            ("bytes=3-", Some(Some((3, 10)))),
            ("bytes=-4", Some(Some((6, 10)))),
            ("bytes=10-", None),
            ("bytes=-", None),
        ] {
            assert_eq!(head(&format!("GET /b/k HTTP/1.1\r\nRange: {range}\r\n\r\n")).range(10), found, "{range}");
        }
        assert_eq!(head("GET /b/k HTTP/1.1\r\n\r\n").range(10), Some(None));
    }
}
