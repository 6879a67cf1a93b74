//! The fault plan: which requests go wrong, and how.
//!
//! Several faults may meet on one request (a delay and a reset, say); each does its part.

use std::time::Duration;

use super::failure::{Failure, access_denied};
use super::route::{Operation, Route};

/// Which requests a fault is for. The first one that fits, unless [`nth`](Self::nth) and [`times`](Self::times) say
/// otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    method: Option<&'static str>,
    operation: Option<Operation>,
    key_part: String,
    first: usize,
    times: usize,
    one_in: usize,
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Nothing happens for that long after the head was read; then all is as usual.
    Delay(Duration),
    /// The answer comes a few bytes at a time.
    Drip { bytes: usize, every: Duration },
    /// For this request the server's clock is that many minutes further ahead, or behind.
    ClockAhead(i64),
    /// The connection is reset.
    Reset(At),
    /// The request is read and done, and the connection closes without a byte.
    EmptyReply,
    /// The request is answered before its body is read.
    Early(Failure, Then),
    /// An `Expect: 100-continue` is ignored: the server waits for the body.
    NoContinue,
    /// A request with `Expect` is answered with 417 before its body is read; others are not.
    ExpectationFailed(Then),
    /// These bytes, interim responses, precede all else.
    Interim(&'static str),
    /// A failure instead of what was asked for.
    Reply(Failure),
    /// What was asked for is done, and then said to have failed.
    ReplyAfter(Failure),
    /// A page for people instead of an answer, with that status.
    Html(u16),
    /// The header is treated as if it were not there. It must still be signed if it was.
    IgnoreHeader(&'static str),
    /// The answer's header has this value, or is missing.
    Header(&'static str, Option<String>),
    /// So many more headers of so many bytes each.
    MoreHeaders { count: usize, length: usize },
    /// One bit of the body is wrong, at that offset into it.
    Corrupt(usize),
    /// The answer has the right status and no body.
    EmptyBody,
    /// The connection closes after so many bytes of the body, fewer than announced.
    Truncate(usize),
    /// The same, without a `Content-Length` to notice it by.
    TruncateUnannounced(usize),
    /// So many bytes follow the body that was announced.
    Overlong(usize),
    /// The connection closes after the answer, which does not say so.
    CloseAfter,
    /// The connection stays open, and is reset when the next request arrives on it.
    ResetNext,
}

/// When a connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// After the head of the request, which has no effect.
    Head,
    /// After so many bytes of the request's body (fewer than it has), which has no effect.
    RequestBody(usize),
    /// After the request was done, before the answer.
    Done,
    /// After so many bytes of the answer's body.
    ResponseBody(usize),
    /// After the answer.
    Answered,
}

/// What follows an answer that came before the body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The body is never read, and the connection stays open.
    HoldOpen,
    /// The connection is reset.
    Reset,
    /// The body is read off, and the connection is as good as ever.
    Drain,
}

impl Match {
    pub(crate) fn any() -> Self {
        Self { method: None, operation: None, key_part: String::new(), first: 1, times: 1, one_in: 1 }
    }

    pub(crate) fn method(method: &'static str) -> Self {
        Self { method: Some(method), ..Self::any() }
    }

    pub(crate) fn operation(operation: Operation) -> Self {
        Self { operation: Some(operation), ..Self::any() }
    }

    /// Only keys that contain this.
    pub(crate) fn key(self, part: &str) -> Self {
        Self { key_part: part.into(), ..self }
    }

    /// From the n-th request that fits, counted from 1.
    pub(crate) fn nth(self, first: usize) -> Self {
        Self { first, ..self }
    }

    /// So many of those that fit, in a row.
    pub(crate) fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// All of those that fit.
    pub(crate) fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// Of those that fit, about one in so many, scattered, and never more than three in a row.
    pub(crate) fn one_in(self, one_in: usize) -> Self {
        Self { one_in, ..self.always() }
    }

    fn strikes(&self, seen: usize) -> bool {
        let drawn = |seen: usize| {
            let mixed = (seen as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33;
            mixed.is_multiple_of(self.one_in as u64)
        };
        let due = seen >= self.first && seen - self.first < self.times && drawn(seen);
        due && (self.one_in == 1 || seen < 4 || !(1..4).all(|before| drawn(seen - before)))
    }

    fn fits(&self, method: &str, route: &Route) -> bool {
        self.method.is_none_or(|wanted| wanted == method)
            && self.operation.is_none_or(|wanted| wanted == route.operation)
            && route.key.contains(&self.key_part)
    }
}

/// The usual faults by name.
impl Fault {
    /// 503 SlowDown.
    pub(crate) fn slow_down() -> Self {
        Self::Reply(Failure::new(503, "SlowDown", "Please reduce your request rate."))
    }

    /// 503 SlowDown that says when to come back: `retry-after` in seconds or `x-amz-retry-after` in milliseconds.
    pub(crate) fn slow_down_for(header: &str, value: &str) -> Self {
        Self::Reply(Failure::new(503, "SlowDown", "Please reduce your request rate.").header(header, value))
    }

    /// 429, as R2 and Google say it.
    pub(crate) fn too_many_requests() -> Self {
        Self::Reply(Failure::new(429, "TooManyRequests", "Reduce your concurrent request rate for the same object."))
    }

    /// A 5xx: 500 InternalError and its kin.
    pub(crate) fn internal_error() -> Self {
        Self::Reply(Failure::new(500, "InternalError", "We encountered an internal error. Please try again."))
    }

    /// Status 200, and an error in the body.
    pub(crate) fn error_in_200() -> Self {
        Self::Reply(Failure::new(200, "InternalError", "We encountered an internal error. Please try again."))
    }

    /// 400 ExpiredToken.
    pub(crate) fn expired_token() -> Self {
        Self::Reply(Failure::new(400, "ExpiredToken", "The provided token has expired."))
    }

    /// 301 without a Location, as AWS answers for a bucket of another region.
    pub(crate) fn wrong_region(region: &str) -> Self {
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint.";
        Self::Reply(
            Failure::new(301, "PermanentRedirect", message)
                .detail("Endpoint", &format!("cache.s3.{region}.amazonaws.com"))
                .header("x-amz-bucket-region", region),
        )
    }

    /// 307, as AWS answers for a bucket that is new.
    pub(crate) fn redirect(location: &str) -> Self {
        let message = "Please re-send this request to the specified temporary endpoint.";
        Self::Reply(Failure::new(307, "TemporaryRedirect", message).header("location", location))
    }

    /// 500 with that many bytes of message.
    pub(crate) fn huge_error(bytes: usize) -> Self {
        Self::Reply(Failure::new(500, "InternalError", &"x".repeat(bytes)))
    }

    /// 403 AccessDenied before the body was read.
    pub(crate) fn early_denied(then: Then) -> Self {
        Self::Early(access_denied(), then)
    }

    /// 503 SlowDown before the body was read.
    pub(crate) fn early_slow_down(then: Then) -> Self {
        Self::Early(Failure::new(503, "SlowDown", "Please reduce your request rate."), then)
    }

    /// 200 with the whole object for a range.
    pub(crate) fn ignore_range() -> Self {
        Self::IgnoreHeader("range")
    }

    /// Another entity tag than the object has.
    pub(crate) fn other_etag() -> Self {
        Self::Header("etag", Some("\"another\"".into()))
    }

    /// A Content-Range with this value.
    pub(crate) fn content_range(value: &str) -> Self {
        Self::Header("content-range", Some(value.into()))
    }
}

/// The faults of a server, in the order they were planned.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    matching: Match,
    fault: Fault,
    seen: usize,
}

impl Plan {
    pub(crate) fn add(&mut self, matching: Match, fault: Fault) {
        self.rules.push(Rule { matching, fault, seen: 0 });
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The faults of a request. Every rule that fits counts it.
    pub(crate) fn take(&mut self, method: &str, route: &Route) -> Vec<Fault> {
        let mut faults = Vec::new();
        for rule in self.rules.iter_mut().filter(|rule| rule.matching.fits(method, route)) {
            rule.seen += 1;
            if rule.matching.strikes(rule.seen) {
                faults.push(rule.fault.clone());
            }
        }
        faults
    }

    /// The rules that have not struck as often as they were to.
    pub(crate) fn pending(&self) -> usize {
        let done = |rule: &Rule| match rule.matching.times {
            usize::MAX => rule.seen >= rule.matching.first,
            times => rule.seen + 1 >= rule.matching.first + times,
        };
        self.rules.iter().filter(|rule| !done(rule)).count()
    }
}
