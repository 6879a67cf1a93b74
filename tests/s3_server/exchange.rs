//! One request and its response, in a store's order: head, rules, body, payload hash, operation. The planned faults
//! occur along the way.

use std::io;
use std::time::SystemTime;

use super::clock::{http_date, shift};
use super::deliver::{html_page, spoil, write};
use super::express;
use super::failure::Failure;
use super::faults::{At, Fault, Then};
use super::handlers::{Call, handle};
use super::http::{Head, Incoming, Response, Wire};
use super::route::Route;
use super::rules::{admit, check_payload, content_length};
use super::{Credentials, Recorded, Shared};

/// What happens to the connection next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    KeepAlive,
    Close,
    /// Read what the peer is still sending, so that it receives the response.
    CloseGently,
    /// Close with unread bytes, which resets the connection.
    Reset,
    /// Reset when the next request starts.
    ResetNext,
}

/// Reads one request and responds to it.
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
    let faults = shared.plan.lock().unwrap().take(&head.method, &route);
    let mut exchange = Exchange { wire, shared, head, route, misrouted, faults, entry, now: shared.now() };
    exchange.run().unwrap_or(After::Close)
}

struct Exchange<'a> {
    wire: &'a mut Wire,
    shared: &'a Shared,
    head: Head,
    route: Route,
    misrouted: Option<Failure>,
    faults: Vec<Fault>,
    entry: usize,
    now: SystemTime,
}

impl Exchange<'_> {
    fn run(&mut self) -> io::Result<After> {
        self.pass_time()?;
        let admitted = self.admit();
        if let Err(failure) = &admitted {
            self.shared.update(self.entry, |entry| entry.refused = Some(failure.code.clone()));
        }
        let length = match content_length(&self.head) {
            Ok(length) => length,
            Err(failure) => return self.refuse_unread(failure),
        };
        if let Some(after) = self.before_the_body(length)? {
            return Ok(after);
        }
        if self.head.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            match admitted {
                Err(failure) => return self.refuse_unread(failure),
                Ok(()) if self.faults.iter().any(|fault| matches!(fault, Fault::NoContinue)) => {}
                Ok(()) => self.wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            }
        }
        let body = self.wire.read_body(length)?;
        self.shared.update(self.entry, |entry| entry.body_len = length);
        let response = self.respond(admitted, &body);
        for fault in &self.faults {
            match fault {
                Fault::EmptyReply => return Ok(After::Close),
                Fault::Reset(At::Done) => return Ok(After::Reset),
                _ => {}
            }
        }
        self.answer(response)
    }

    /// Applies delays and wrong clocks.
    fn pass_time(&mut self) -> io::Result<()> {
        for fault in &self.faults {
            match fault {
                Fault::Delay(duration) if self.shared.stop.wait(*duration) => {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                Fault::ClockAhead(minutes) => self.now = shift(self.now, minutes * 60),
                _ => {}
            }
        }
        Ok(())
    }

    fn admit(&mut self) -> Result<(), Failure> {
        if let Some(failure) = self.misrouted.take() {
            return Err(failure);
        }
        let mut credentials = self.shared.credentials.lock().unwrap().clone();
        let sessions = self.shared.sessions.lock().unwrap();
        let signer = self.head.header("authorization").unwrap_or_default();
        let of_signer = |keys: &Credentials| signer.contains(&format!("Credential={}/", keys.access_key_id));
        if let Some((session, expires)) = sessions.iter().find(|(session, _)| of_signer(session)) {
            credentials.insert(usize::from(self.now >= *expires), session.clone());
        }
        if let Some(directory) = &self.shared.config.directory {
            let bucket = self.shared.bucket.lock().unwrap();
            let session = express::signer(&self.head, &self.route, &bucket.sessions);
            express::check_keys(&self.head, &self.route, directory, session)?;
            express::check_support(&self.head, &self.route, session.is_some())?;
            if let Some(session) = session {
                credentials.insert(usize::from(self.now >= session.expires), session.keys.clone());
            }
        }
        admit(&self.head, &self.route, &self.shared.config, &credentials, self.now)
    }

    /// Applies the faults that occur while the body is unread.
    fn before_the_body(&mut self, length: u64) -> io::Result<Option<After>> {
        for fault in self.faults.clone() {
            match fault {
                Fault::Reset(At::Head) => return Ok(Some(After::Reset)),
                Fault::Reset(At::RequestBody(bytes)) => {
                    let read = (bytes as u64).min(length.saturating_sub(1));
                    // One more byte, which is peeked at and stays unread.
                    self.wire.read_body(length.min(read + 1))?;
                    self.shared.update(self.entry, |entry| entry.body_len = read);
                    return Ok(Some(After::Reset));
                }
                Fault::Early(failure, then) => return self.answer_early(failure, then, length).map(Some),
                Fault::ExpectationFailed(then) if self.head.header("expect").is_some() => {
                    let failure = Failure::new(417, "ExpectationFailed", "no expectations");
                    return self.answer_early(failure, then, length).map(Some);
                }
                Fault::Interim(responses) => self.wire.write(responses.as_bytes())?,
                _ => {}
            }
        }
        Ok(None)
    }

    fn answer_early(&mut self, failure: Failure, then: Then, length: u64) -> io::Result<After> {
        let response = failure.into_response(&self.request_id());
        let bytes = self.finish(response, &mut None);
        write(self.wire, &self.shared.stop, &bytes, &self.faults)?;
        match then {
            Then::HoldOpen => {
                self.shared.stop.wait_for_end();
                Ok(After::Close)
            }
            Then::Reset => Ok(After::Reset),
            Then::Drain => {
                self.wire.read_body(length)?;
                self.wire.take_tail()?;
                Ok(After::KeepAlive)
            }
        }
    }

    /// Carries out the request and returns the response.
    fn respond(&mut self, admitted: Result<(), Failure>, body: &[u8]) -> Response {
        let request_id = self.request_id();
        for fault in &self.faults {
            match fault {
                Fault::Reply(failure) => return failure.clone().into_response(&request_id),
                Fault::Html(status) => return html_page(*status),
                _ => {}
            }
        }
        let outcome = admitted.and_then(|()| {
            let checked = check_payload(&self.head, &self.shared.config, body);
            checked.inspect_err(|failure| {
                self.shared.update(self.entry, |entry| entry.refused = Some(failure.code.clone()));
            })
        });
        let outcome = outcome.and_then(|()| self.operate(body));
        let replaced = self.faults.iter().find_map(|fault| match fault {
            Fault::ReplyAfter(failure) => Some(failure.clone()),
            _ => None,
        });
        match (outcome, replaced) {
            (Ok(_), Some(failure)) | (Err(failure), _) => failure.into_response(&request_id),
            (Ok(response), None) => response,
        }
    }

    fn operate(&mut self, body: &[u8]) -> Result<Response, Failure> {
        for fault in &self.faults {
            if let Fault::IgnoreHeader(ignored) = fault {
                self.head.headers.retain(|(name, _)| name != ignored);
            }
        }
        if self.shared.config.directory.is_some() {
            // The only class.
            self.head.headers.retain(|(name, _)| name != "x-amz-storage-class");
        }
        let call = Call { head: &self.head, route: &self.route, body, config: &self.shared.config, now: self.now };
        handle(&call, &mut self.shared.bucket.lock().unwrap())
    }

    /// Responds to a request without reading its body.
    fn refuse_unread(&mut self, failure: Failure) -> io::Result<After> {
        self.shared.update(self.entry, |entry| entry.refused = Some(failure.code.clone()));
        let response = failure.into_response(&self.request_id()).with("connection", "close");
        self.answer(response)?;
        Ok(After::CloseGently)
    }

    fn answer(&mut self, response: Response) -> io::Result<After> {
        let says_close = |value: Option<&str>| value.is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let closes = says_close(self.head.header("connection")) || says_close(response.header("connection"));
        let mut after = None;
        let bytes = self.finish(response, &mut after);
        write(self.wire, &self.shared.stop, &bytes, &self.faults)?;
        let after = after.unwrap_or(if closes { After::Close } else { After::KeepAlive });
        if after != After::Reset {
            self.wire.take_tail()?;
        }
        Ok(after)
    }

    /// Returns the bytes of a response with the planned faults. Its status is recorded before the client sees it.
    fn finish(&self, mut response: Response, after: &mut Option<After>) -> Vec<u8> {
        response.set("date", &http_date(self.now));
        response.set("server", "StrictS3");
        response.set("x-amz-request-id", &self.request_id());
        *after = spoil(&mut response, &self.faults);
        self.shared.update(self.entry, |entry| entry.status = response.status);
        response.into_bytes(self.head.method == "HEAD")
    }

    fn request_id(&self) -> String {
        format!("REQUEST{:09}", self.entry + 1)
    }
}
