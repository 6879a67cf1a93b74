//! The fault plan: which requests fail, and how.
//!
//! One request may have several faults, such as a delay and a reset; each is applied.

use std::time::Duration;

use super::failure::{Failure, access_denied};
use super::route::{Operation, Route};

/// Selects the requests that a fault is for: the first one that matches, unless [`nth`](Self::nth) or
/// [`times`](Self::times) is set.
#[derive(Clone, Debug)]
pub(crate) struct Match {
    method: Option<&'static str>,
    operation: Option<Operation>,
    key_part: String,
    first: usize,
    times: usize,
    one_in: usize,
}

/// A fault.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The server waits this long after reading the head, then continues normally.
    Delay(Duration),
    /// The response is sent a few bytes at a time.
    Drip { bytes: usize, every: Duration },
    /// For this request, the server's clock is this many minutes further ahead, or behind.
    ClockAhead(i64),
    /// The connection is reset.
    Reset(At),
    /// The request is carried out, and the connection closes without a response.
    EmptyReply,
    /// The response is sent before the body is read.
    Early(Failure, Then),
    /// `Expect: 100-continue` is ignored: the server waits for the body.
    NoContinue,
    /// A request with `Expect` gets a 417 before its body is read; others are unaffected.
    ExpectationFailed(Then),
    /// These bytes, interim responses, are sent first.
    Interim(&'static str),
    /// The request fails without an effect.
    Reply(Failure),
    /// The request is carried out, but a failure is returned.
    ReplyAfter(Failure),
    /// An HTML page is returned, with this status.
    Html(u16),
    /// The header of the request is treated as absent, but is still checked against the signature.
    IgnoreHeader(&'static str),
    /// A header of the response has this value, or is missing.
    Header(&'static str, Option<String>),
    /// The response has this many additional headers of this many bytes each.
    MoreHeaders { count: usize, length: usize },
    /// One bit of the body is flipped at this offset.
    Corrupt(usize),
    /// The response has the right status but no body.
    EmptyBody,
    /// The connection closes after this many bytes of the body, fewer than announced.
    Truncate(usize),
    /// The same, without a `Content-Length` to notice it by.
    TruncateUnannounced(usize),
    /// This many excess bytes follow the announced body.
    Overlong(usize),
    /// The connection closes after a response that does not announce it.
    CloseAfter,
    /// The connection stays open, and is reset when the next request arrives on it.
    ResetNext,
}

/// When a connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// After the request's head; the request has no effect.
    Head,
    /// After this many bytes of the request's body, fewer than it has; the request has no effect.
    RequestBody(usize),
    /// After the request has been carried out, before the response.
    Done,
    /// After this many bytes of the response's body.
    ResponseBody(usize),
    /// After the response.
    Answered,
}

/// What follows a response that is sent before the body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The body is never read, and the connection stays open.
    HoldOpen,
    /// The connection is reset.
    Reset,
    /// The body is read and discarded, and the connection can be reused.
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

    /// Restricts the match to keys that contain this text.
    pub(crate) fn key(self, part: &str) -> Self {
        Self { key_part: part.into(), ..self }
    }

    /// Starts at the n-th matching request, counted from 1.
    pub(crate) fn nth(self, first: usize) -> Self {
        Self { first, ..self }
    }

    /// Applies to this many matching requests in a row.
    pub(crate) fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// Applies to all matching requests.
    pub(crate) fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// Applies to about one in this many matching requests, scattered, and never to more than three in a row.
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

/// Common faults.
impl Fault {
    /// 503 SlowDown.
    pub(crate) fn slow_down() -> Self {
        Self::Reply(Failure::new(503, "SlowDown", "Please reduce your request rate."))
    }

    /// 503 SlowDown with a delay: `retry-after` in seconds or `x-amz-retry-after` in milliseconds.
    pub(crate) fn slow_down_for(header: &str, value: &str) -> Self {
        Self::Reply(Failure::new(503, "SlowDown", "Please reduce your request rate.").header(header, value))
    }

    /// 429, as R2 and Google return it.
    pub(crate) fn too_many_requests() -> Self {
        Self::Reply(Failure::new(429, "TooManyRequests", "Reduce your concurrent request rate for the same object."))
    }

    /// A 5xx error such as 500 InternalError.
    pub(crate) fn internal_error() -> Self {
        Self::Reply(Failure::new(500, "InternalError", "We encountered an internal error. Please try again."))
    }

    /// Status 200 with an error document.
    pub(crate) fn error_in_200() -> Self {
        Self::Reply(Failure::new(200, "InternalError", "We encountered an internal error. Please try again."))
    }

    /// 400 ExpiredToken.
    pub(crate) fn expired_token() -> Self {
        Self::Reply(Failure::new(400, "ExpiredToken", "The provided token has expired."))
    }

    /// 301 without a Location, as AWS returns for a bucket in another region.
    pub(crate) fn wrong_region(region: &str) -> Self {
        let message = "The bucket you are attempting to access must be addressed using the specified endpoint.";
        Self::Reply(
            Failure::new(301, "PermanentRedirect", message)
                .detail("Endpoint", &format!("cache.s3.{region}.amazonaws.com"))
                .header("x-amz-bucket-region", region),
        )
    }

    /// 307, as AWS returns for a new bucket.
    pub(crate) fn redirect(location: &str) -> Self {
        let message = "Please re-send this request to the specified temporary endpoint.";
        Self::Reply(Failure::new(307, "TemporaryRedirect", message).header("location", location))
    }

    /// 500 with a message of this many bytes.
    pub(crate) fn huge_error(bytes: usize) -> Self {
        Self::Reply(Failure::new(500, "InternalError", &"x".repeat(bytes)))
    }

    /// 403 AccessDenied before the body is read.
    pub(crate) fn early_denied(then: Then) -> Self {
        Self::Early(access_denied(), then)
    }

    /// 503 SlowDown before the body is read.
    pub(crate) fn early_slow_down(then: Then) -> Self {
        Self::Early(Failure::new(503, "SlowDown", "Please reduce your request rate."), then)
    }

    /// 200 with the whole object in response to a range request.
    pub(crate) fn ignore_range() -> Self {
        Self::IgnoreHeader("range")
    }

    /// An entity tag other than the object's.
    pub(crate) fn other_etag() -> Self {
        Self::Header("etag", Some("\"another\"".into()))
    }

    /// A Content-Range with this value.
    pub(crate) fn content_range(value: &str) -> Self {
        Self::Header("content-range", Some(value.into()))
    }
}

/// The faults of a server, in the order in which they were added.
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

    /// Returns the faults for a request, which is counted by every matching rule.
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

    /// Returns the number of rules that have not been applied as often as planned.
    pub(crate) fn pending(&self) -> usize {
        let done = |rule: &Rule| match rule.matching.times {
            usize::MAX => rule.seen >= rule.matching.first,
            times => rule.seen + 1 >= rule.matching.first + times,
        };
        self.rules.iter().filter(|rule| !done(rule)).count()
    }
}
