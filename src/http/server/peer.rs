//! Notices that a client has left.

use std::net::TcpStream;
use std::sync::{Arc, Weak};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The client of a request, for a handler or a body that waits for something else than the client.
#[derive(Clone, Debug)]
pub(crate) struct PeerWatch(Weak<TcpStream>);

impl PeerWatch {
    pub(super) fn new(stream: &Arc<TcpStream>) -> Self {
        Self(Arc::downgrade(stream))
    }

    /// Returns whether the client has closed the connection, or at least its sending side, as it does when it gives up.
    /// Only meaningful once the body of the request is read. Does not wait.
    pub(crate) fn has_left(&self) -> bool {
        let Some(stream) = self.0.upgrade() else { return true };
        let mut polled = [PollFd::new(&stream, PollFlags::IN)];
        match poll(&mut polled, Some(&Timespec::default())) {
            // Readable without a byte: the end, or an error.
            Ok(1) => !matches!(stream.peek(&mut [0]), Ok(1)),
            _ => false,
        }
    }
}
