//! One request and its answer, in the order a store does it: head, rules, body, payload hash, operation.

use std::time::SystemTime;

use super::clock::http_date;
use super::failure::Failure;
use super::handlers::{Call, handle};
use super::http::{Head, Incoming, Response, Wire};
use super::route::Route;
use super::rules::{admit, check_payload, content_length};
use super::{Recorded, Shared};

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    KeepAlive,
    Close,
    /// The peer may still be sending: read it off, so that it sees the answer.
    CloseGently,
}

/// Reads one request and answers it.
pub(crate) fn serve_one(wire: &mut Wire, shared: &Shared, connection: u64) -> After {
    let head = match wire.read_head() {
        Incoming::End => return After::Close,
        Incoming::Request(head) => head,
        Incoming::Malformed => {
            let _ = wire.write(&Response::new(400).with("connection", "close").into_bytes(false));
            return After::CloseGently;
        }
    };
    let (route, misrouted) = match Route::of(&head, &shared.config) {
        Ok(route) => (route, None),
        Err(failure) => (Route::unknown(), Some(failure)),
    };
    let entry = shared.begin(Recorded::new(&head, &route, connection));
    let mut exchange = Exchange { wire, shared, head, route, misrouted, entry, now: shared.now() };
    exchange.run().unwrap_or(After::Close)
}

struct Exchange<'a> {
    wire: &'a mut Wire,
    shared: &'a Shared,
    head: Head,
    route: Route,
    misrouted: Option<Failure>,
    entry: usize,
    now: SystemTime,
}

impl Exchange<'_> {
    fn run(&mut self) -> std::io::Result<After> {
        let admitted = self.admit();
        let length = match content_length(&self.head) {
            Ok(length) => length,
            Err(failure) => return self.refuse_unread(failure),
        };
        if self.head.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            match admitted {
                Err(failure) => return self.refuse_unread(failure),
                Ok(()) => self.wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            }
        }
        let body = self.wire.read_body(length)?;
        self.shared.update(self.entry, |entry| entry.body_len = length);
        let outcome = admitted
            .and_then(|()| check_payload(&self.head, &self.shared.config, &body))
            .map_err(|failure| self.note(failure))
            .and_then(|()| self.operate(&body));
        let response = outcome.unwrap_or_else(|failure| failure.into_response(&self.request_id()));
        self.wire.take_tail()?;
        self.answer(response)
    }

    fn admit(&mut self) -> Result<(), Failure> {
        if let Some(failure) = self.misrouted.take() {
            return Err(failure);
        }
        let credentials = self.shared.credentials.lock().unwrap().clone();
        admit(&self.head, &self.route, &self.shared.config, &credentials, self.now)
    }

    fn operate(&self, body: &[u8]) -> Result<Response, Failure> {
        let call = Call { head: &self.head, route: &self.route, body, config: &self.shared.config, now: self.now };
        handle(&call, &mut self.shared.bucket.lock().unwrap())
    }

    /// Answers a request whose body nobody will read.
    fn refuse_unread(&mut self, failure: Failure) -> std::io::Result<After> {
        let response = self.note(failure).into_response(&self.request_id()).with("connection", "close");
        self.answer(response)?;
        Ok(After::CloseGently)
    }

    fn note(&self, failure: Failure) -> Failure {
        self.shared.update(self.entry, |entry| entry.refused = Some(failure.code.clone()));
        failure
    }

    fn answer(&mut self, mut response: Response) -> std::io::Result<After> {
        response.set("date", &http_date(self.now));
        response.set("server", "StrictS3");
        response.set("x-amz-request-id", &self.request_id());
        let closes = [self.head.header("connection"), response.header("connection")]
            .iter()
            .any(|value| value.is_some_and(|value| value.eq_ignore_ascii_case("close")));
        self.shared.update(self.entry, |entry| entry.status = response.status);
        self.wire.write(&response.into_bytes(self.head.method == "HEAD"))?;
        Ok(if closes { After::Close } else { After::KeepAlive })
    }

    fn request_id(&self) -> String {
        format!("REQUEST{:09}", self.entry + 1)
    }
}
