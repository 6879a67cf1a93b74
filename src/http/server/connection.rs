//! One connection: its requests, one after another.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use super::deadline::Deadline;
use super::handler::Handler;
use super::head::Head;
use super::host::Hosts;
use super::input::Input;
use super::limits::Limits;
use super::method::Method;
use super::rejection::Rejection;
use super::reply;
use super::request::Request;
use super::response::Response;
use super::scan::HeadScan;
use super::socket::Socket;
use super::stop::Listed;

/// What all connections share.
pub(super) struct Service<'a> {
    pub(super) handler: &'a dyn Handler,
    pub(super) hosts: &'a Hosts,
    pub(super) limits: &'a Limits,
}

/// Why no request was read.
enum Missing {
    /// The client closed the connection, or it was idle for too long.
    Request,
    Refused(Rejection),
}

/// A connection whose requests are served.
struct Connection<'a> {
    service: &'a Service<'a>,
    input: Input,
    listed: Listed,
}

/// Serves a connection until it closes.
pub(super) fn serve(service: &Service<'_>, stream: Arc<TcpStream>, listed: Listed) {
    let Ok(socket) = Socket::new(stream, service.limits.write_stall) else { return };
    let mut connection = Connection { service, input: Input::new(socket), listed };
    while connection.serve_one() {}
}

impl Connection<'_> {
    /// Serves a request. Returns whether another one may follow.
    fn serve_one(&mut self) -> bool {
        match self.read_head() {
            Ok(head) => self.answer(head),
            Err(Missing::Request) => false,
            Err(Missing::Refused(rejection)) => {
                log::debug!("a request was refused with status {}: {}", rejection.status, rejection.reason);
                let input = self.input.buffered();
                let to_head = input.strip_prefix(b"\r\n").unwrap_or(input).starts_with(b"HEAD ");
                self.close_after(reply::rejection(rejection), to_head);
                false
            }
        }
    }

    /// Reads and checks a head. A refused one remains in the input.
    fn read_head(&mut self) -> Result<Head, Missing> {
        let limits = self.service.limits;
        if self.input.buffered().is_empty() {
            let open = self.listed.set_idle(true) && matches!(self.input.fill(limits.idle), Ok(1..));
            self.listed.set_idle(false);
            if !open {
                return Err(Missing::Request);
            }
        }
        let deadline = Deadline::after(limits.head_time);
        let mut scan = HeadScan::new(limits.head_bytes, limits.headers);
        let length = loop {
            if let Some(length) = scan.advance(self.input.buffered()).map_err(Missing::Refused)? {
                break length;
            }
            let late = || Err(io::ErrorKind::TimedOut.into());
            let filled = if deadline.has_passed() { late() } else { self.input.fill(deadline.left()) };
            match filled {
                Ok(0) => return Err(Missing::Refused(Rejection::bad("the head is incomplete"))),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(Missing::Refused(LATE)),
                Err(_) => return Err(Missing::Request),
            }
        };
        let head = Head::parse(self.input.buffered().get(..length).unwrap_or_default(), limits.headers);
        let head = head.map_err(Missing::Refused)?;
        self.service.hosts.check(&head.host).map_err(Missing::Refused)?;
        self.input.consume(length);
        Ok(head)
    }

    /// Lets the handler answer. Returns whether another request may follow.
    fn answer(&mut self, head: Head) -> bool {
        let limits = self.service.limits;
        let (keeps_alive, to_head) = (head.keeps_alive, head.method == Method::Head);
        let mut request = Request::new(head, &mut self.input, limits.body_stall);
        let response = self.service.handler.handle(&mut request);
        // Before the response, which says whether the connection stays open.
        let settled = request.into_body().settle(limits.settle_bytes, limits.settle_time);
        if !keeps_alive || !settled || self.listed.is_stopping() {
            self.close_after(response, to_head);
            return false;
        }
        match reply::write(&self.input.socket, response, to_head, true) {
            Ok(()) => true,
            Err(error) => {
                self.cut(&error);
                false
            }
        }
    }

    /// Writes the last response. Then waits for the client to close: closing with unread input resets the connection,
    /// and a reset discards what the client has not read, such as the refusal of an upload.
    fn close_after(&mut self, response: Response, to_head: bool) {
        if let Err(error) = reply::write(&self.input.socket, response, to_head, false) {
            return self.cut(&error);
        }
        self.input.socket.shutdown(Shutdown::Write);
        let deadline = Deadline::after(self.service.limits.linger);
        loop {
            self.input.consume(usize::MAX);
            if deadline.has_passed() || !matches!(self.input.fill(deadline.left()), Ok(1..)) {
                return;
            }
        }
    }

    /// Ends the connection in the middle of a response.
    fn cut(&self, error: &io::Error) {
        log::debug!("a connection was cut: {error}");
        self.input.socket.shutdown(Shutdown::Both);
    }
}

const LATE: Rejection = Rejection { status: 408, reason: "the head took too long" };
