//! Connections that are refused without a thread.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

use super::deadline::Deadline;
use super::reply;
use super::response::{Body, Response};

/// Further ones are closed at once.
const MAX_OPEN: usize = 32;

/// Connections that got a 503 and are about to close. They stay open for a moment, because closing with unread input
/// discards the response.
#[derive(Default)]
pub(super) struct TurnedAway(VecDeque<(Arc<TcpStream>, Deadline)>);

impl TurnedAway {
    /// Answers with a 503, without waiting. The connection closes when the client closes it, or after `linger`.
    pub(super) fn add(&mut self, stream: Arc<TcpStream>, linger: Duration) {
        let response = Response::text(503, "the server has too many connections\n").header("retry-after", "1");
        let head = reply::head(&response, false);
        let Body::Bytes(text) = &response.body else { return };
        // The send buffer of a new connection has room for it.
        let sent = stream
            .set_nonblocking(true)
            .and_then(|()| (&*stream).write_vectored(&[IoSlice::new(head.as_bytes()), IoSlice::new(text)]))
            .and_then(|_| stream.shutdown(Shutdown::Write));
        if sent.is_ok() {
            self.0.push_back((stream, Deadline::after(linger)));
            if self.0.len() > MAX_OPEN {
                self.0.pop_front();
            }
        }
    }

    /// Returns when the next one is closed.
    pub(super) fn deadline(&self) -> Option<Deadline> {
        self.0.front().map(|(_, deadline)| *deadline)
    }

    /// Returns what to wait for.
    pub(super) fn polled(&self) -> impl Iterator<Item = PollFd<'_>> {
        self.0.iter().map(|(stream, _)| PollFd::new(stream, PollFlags::IN))
    }

    /// Discards what arrived, and closes those whose time is up.
    pub(super) fn advance(&mut self) {
        let mut discarded = [0; 4096];
        self.0.retain(|(stream, deadline)| match (&**stream).read(&mut discarded) {
            Ok(0) => false,
            Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => false,
            _ => !deadline.has_passed(),
        });
    }
}
