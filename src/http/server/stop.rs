//! Stops a server from another thread.

use std::fmt;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::deadline::Deadline;
use crate::base::{Numbered, Unpoisoned as _};

/// A handle that stops a server from any thread. Clones stop the same server.
#[derive(Clone)]
pub(crate) struct Stopper(Arc<Connections>);

impl Stopper {
    pub(super) fn new(connections: &Arc<Connections>) -> Self {
        Self(Arc::clone(connections))
    }

    /// Stops the server: it accepts no new connections, closes idle ones at once, and shuts down the others when their
    /// request is finished, or after `grace`. Further calls can only shorten the grace period. Does not wait.
    pub(crate) fn stop(&self, grace: Duration) {
        self.0.stop(grace);
    }
}

impl fmt::Debug for Stopper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopper").field("stopping", &self.0.is_stopping()).finish()
    }
}

/// The open connections of a server, and whether it stops.
pub(super) struct Connections {
    state: Mutex<State>,
    changed: Condvar,
    /// Wakes the thread that accepts: it becomes readable when the server stops.
    wake: UnixStream,
}

#[derive(Default)]
struct State {
    /// When the connections that are still busy are shut down.
    deadline: Option<Deadline>,
    open: Numbered<Open>,
}

struct Open {
    stream: Arc<TcpStream>,
    /// No request is under way.
    idle: bool,
}

/// An open connection, listed until this is dropped.
pub(super) struct Listed {
    connections: Arc<Connections>,
    id: u64,
}

impl Connections {
    /// Returns the list of connections, empty, and the socket that becomes readable when the server stops.
    ///
    /// # Errors
    /// If the process is out of file descriptors.
    pub(super) fn new() -> io::Result<(Arc<Self>, UnixStream)> {
        let (wake, woken) = UnixStream::pair()?;
        Ok((Arc::new(Self { state: Mutex::default(), changed: Condvar::new(), wake }), woken))
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.lock().deadline.is_some()
    }

    /// Returns the number of open connections.
    pub(super) fn count(&self) -> usize {
        self.lock().open.len()
    }

    /// Lists a connection.
    pub(super) fn list(self: &Arc<Self>, stream: &Arc<TcpStream>) -> Listed {
        let id = self.lock().open.add(Open { stream: Arc::clone(stream), idle: false });
        Listed { connections: Arc::clone(self), id }
    }

    pub(super) fn stop(&self, grace: Duration) {
        let mut state = self.lock();
        let deadline = Deadline::after(grace);
        state.deadline = Some(state.deadline.map_or(deadline, |present| present.earlier(deadline)));
        state.open.iter().filter(|(_, open)| open.idle).for_each(|(_, open)| open.shut_down());
        drop(state);
        let _ = self.wake.shutdown(Shutdown::Both);
        self.changed.notify_all();
    }

    /// Waits for the connections of a stopped server to close, and shuts them down after the grace period.
    pub(super) fn finish(&self) {
        let mut state = self.lock();
        while let Some(deadline) = state.deadline.filter(|_| !state.open.is_empty()) {
            if deadline.has_passed() {
                return state.open.iter().for_each(|(_, open)| open.shut_down());
            }
            state = self.changed.wait_timeout(state, deadline.left()).unpoisoned().0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unpoisoned()
    }
}

impl Open {
    /// Wakes the connection's thread, whether it reads or writes.
    fn shut_down(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Listed {
    /// Marks the connection as idle or busy. Returns `false` if the server stops.
    pub(super) fn set_idle(&self, idle: bool) -> bool {
        let mut state = self.connections.lock();
        if let Some(open) = state.open.get_mut(self.id) {
            open.idle = idle;
        }
        state.deadline.is_none()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.connections.is_stopping()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.connections.lock().open.remove(self.id);
        self.connections.changed.notify_all();
    }
}
