//! Detects that a client has closed its connection.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::{Arc, Weak};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The client of a request. It does not keep the connection open.
#[derive(Clone, Debug)]
pub(crate) struct Peer(Weak<TcpStream>);

impl Peer {
    pub(super) fn new(stream: &Arc<TcpStream>) -> Self {
        Self(Arc::downgrade(stream))
    }

    /// Returns whether the client has closed the connection, or its own side of it: whether it still reads then cannot
    /// be known, so ask only when there is nothing to send for a while. Does not wait.
    pub(crate) fn has_left(&self) -> bool {
        let Some(stream) = self.0.upgrade() else { return true };
        let mut polled = [PollFd::new(&*stream, PollFlags::IN)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        if poll(&mut polled, Some(&now)).is_err() {
            return false;
        }
        let [polled] = polled;
        let events = polled.revents();
        if events.intersects(PollFlags::HUP | PollFlags::ERR) {
            return true;
        }
        // It is readable, so this returns at once. A byte belongs to the next request.
        events.contains(PollFlags::IN)
            && match stream.peek(&mut [0]) {
                Ok(read) => read == 0,
                Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{Shutdown, TcpListener};
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_client_has_left_when_it_closes_its_side_and_not_before() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for sends in [false, true] {
            let mut other = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let stream = Arc::new(listener.accept().unwrap().0);
            let client = Peer::new(&stream);
            assert!(!client.has_left());
            if sends {
                // The next request.
                other.write_all(b"GET").unwrap();
                while stream.peek(&mut [0]).unwrap() == 0 {}
                assert!(!client.has_left());
                let unread = other;
                drop(unread);
                (&*stream).write_all(b"x").unwrap();
            } else {
                other.shutdown(Shutdown::Write).unwrap();
            }
            let begun = Instant::now();
            while !client.has_left() {
                // A connection that was closed answers to bytes with a reset.
                let _ = (&*stream).write(b"x");
                assert!(begun.elapsed() < Duration::from_secs(10));
            }
            drop(stream);
            assert!(client.has_left());
        }
    }
}
