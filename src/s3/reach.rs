//! Diagnoses how far a connection to the bucket's endpoint gets.

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::Error;
use crate::http::{Method, OnStop, Origin, Request};
use crate::s3::answer::{Answer, Cause, FailedCall};
use crate::s3::call::Call;
use crate::s3::client::S3Client;
use crate::s3::clock::{CLOCK_TOLERANCE, clock_text, difference};

/// Servers send whole seconds, and responses take time.
const ROUNDING_SECONDS: u64 = 2;

/// How far one unsigned request got.
pub(crate) struct Reach {
    /// The number of addresses of the host, or of the proxy; zero if the look-up failed.
    pub(crate) addresses: usize,
    /// The address of the connection.
    pub(crate) peer: Option<SocketAddr>,
    /// The proxy, and whether it opened the tunnel.
    pub(crate) tunnel: Option<(String, bool)>,
    /// The negotiated TLS version.
    pub(crate) tls: Option<&'static str>,
    /// The status of the response.
    pub(crate) answered: Result<u16, Error>,
    /// How many seconds the server's clock is ahead of ours, if the server sends its time.
    ahead: Option<i64>,
}

impl Reach {
    /// Compares our clock with the server's, if the server sends its time.
    pub(crate) fn clock_text(&self) -> Option<String> {
        self.ahead.map(|ahead| match ahead.unsigned_abs() {
            ..=ROUNDING_SECONDS => "this machine's clock agrees with the server's".to_owned(),
            _ => clock_text(ahead),
        })
    }

    /// Returns whether the clocks differ by more than a signature tolerates.
    pub(crate) fn has_wrong_clock(&self) -> bool {
        self.ahead.is_some_and(|ahead| Duration::from_secs(ahead.unsigned_abs()) > CLOCK_TOLERANCE)
    }
}

impl S3Client {
    /// Sends one unsigned request for the bucket. Must be the first request of this client.
    pub(crate) fn reach(&self) -> Reach {
        let (call, endpoint) = (Call::new("HeadBucket", Method::Head, None), self.endpoint());
        let mut headers = vec![("host".to_owned(), endpoint.host.clone())];
        headers.extend(self.parts.request_headers.iter().cloned());
        let trace = self.parts.http.trace(&Request {
            method: call.method,
            origin: Origin { https: endpoint.https, host: &endpoint.host },
            target: endpoint.target(None, &[]),
            headers,
            body: None,
            expect_continue: false,
            answer_timeout: self.patience(&call),
            new_connection: true,
            on_stop: OnStop::BreakOff,
        });
        let now = self.parts.clock.now();
        let date = trace.answer.as_ref().ok().and_then(Answer::date_of);
        let failed = |fault| self.explain(&call, FailedCall::new(Cause::NoAnswer(fault)));
        Reach {
            addresses: trace.addresses,
            peer: trace.peer,
            tunnel: trace.tunnel,
            tls: trace.tls,
            ahead: date.and_then(|date| difference(date, now)),
            answered: trace.answer.map(|answer| answer.status()).map_err(failed),
        }
    }
}
