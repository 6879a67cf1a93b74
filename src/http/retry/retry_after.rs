//! The delay that a server requests before a retry.

use std::time::Duration;

use crate::http::parse_http_date;

/// If the server asks for more than this, the retry comes early.
const MAX_PLAIN: Duration = Duration::from_secs(30);
/// AWS extends the computed backoff by at most this much.
const MAX_AMZ_EXTRA: Duration = Duration::from_secs(5);

/// The delay that a server requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    /// `x-amz-retry-after`, in milliseconds.
    Amz(Duration),
    /// `Retry-After`, in seconds or as a date.
    Plain(Duration),
}

impl RetryAfter {
    /// Reads the delay from a response's headers; `header` looks up a header.
    pub(crate) fn of<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        if let Some(millis) = header("x-amz-retry-after").and_then(|text| text.parse().ok()) {
            return Some(Self::Amz(Duration::from_millis(millis)));
        }
        let text = header("retry-after")?;
        if let Ok(seconds) = text.parse() {
            return Some(Self::Plain(Duration::from_secs(seconds)));
        }
        // Both dates come from the server's clock, so the local clock does not matter.
        let (until, now) = (parse_http_date(text)?, header("date").and_then(parse_http_date)?);
        Some(Self::Plain(until.duration_since(now).unwrap_or_default()))
    }

    /// Returns the pause, given the `backoff` without the server's request. It is never shorter than `backoff`.
    pub(super) fn pause(self, backoff: Duration) -> Duration {
        match self {
            Self::Amz(wanted) => wanted.clamp(backoff, backoff + MAX_AMZ_EXTRA),
            Self::Plain(wanted) => wanted.min(MAX_PLAIN).max(backoff),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_headers_are_parsed() {
        use RetryAfter::{Amz, Plain};
        let seconds = Duration::from_secs;
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (headers, expected) in [
            (&[("x-amz-retry-after", "1500"), ("retry-after", "9")][..], Some(Amz(Duration::from_millis(1500)))),
            (&[("x-amz-retry-after", "soon"), ("retry-after", "9")], Some(Plain(seconds(9)))),
            (&[("retry-after", "0")], Some(Plain(seconds(0)))),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:57 GMT"), date], Some(Plain(seconds(20)))),
            (&[("retry-after", "Sun, 06 Nov 1994 08:40:00 GMT"), date], Some(Plain(seconds(0)))),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:57 GMT")], None),
            (&[("retry-after", "-1")], None),
            (&[("x-amz-retry-after", "18446744073709551616")], None),
            (&[date], None),
        ] {
            let header = |name: &str| headers.iter().find(|(have, _)| *have == name).map(|(_, value)| *value);
            assert_eq!(RetryAfter::of(header), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_server_can_only_lengthen_the_pause_and_only_up_to_a_limit() {
        let seconds = Duration::from_secs;
        for (wanted, backoff, pause) in [
            (RetryAfter::Plain(seconds(7)), 1, 7),
            (RetryAfter::Plain(seconds(0)), 1, 1),
            (RetryAfter::Plain(seconds(9999)), 1, 30),
            (RetryAfter::Amz(seconds(3)), 1, 3),
            (RetryAfter::Amz(seconds(0)), 2, 2),
            (RetryAfter::Amz(seconds(9999)), 2, 7),
        ] {
            assert_eq!(wanted.pause(seconds(backoff)), seconds(pause), "{wanted:?}");
        }
    }
}
