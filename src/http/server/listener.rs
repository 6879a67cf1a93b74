//! Accepts connections.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::{self, Scope};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::connection::{self, Service};
use super::deadline::Deadline;
use super::handler::Handler;
use super::host::Hosts;
use super::limits::Limits;
use super::stop::{Connections, Stopper};
use super::turned_away::TurnedAway;
use crate::base::{Unpoisoned as _, is_out_of_files, thread_builder};

/// How long the server waits after a connection could not be accepted, usually because file descriptors ran out.
const PAUSE: Duration = Duration::from_millis(100);

/// A server on a listening socket.
pub(crate) struct Server {
    /// Taken when the server runs, so that it closes as soon as the server stops.
    listener: Mutex<Option<TcpListener>>,
    hosts: Hosts,
    limits: Limits,
    connections: Arc<Connections>,
    /// Readable when the server stops.
    stopped: UnixStream,
}

/// What became ready.
struct Ready {
    stopped: bool,
    listener: bool,
}

impl Server {
    /// Creates a server that answers requests whose `Host` is one of `hosts`, in lower case. A host without a port is
    /// answered on any port, and [`ANY_ADDRESS`](super::ANY_ADDRESS) stands for every IP address.
    ///
    /// # Errors
    /// If the socket cannot be configured, or the process is out of file descriptors.
    pub(crate) fn new(listener: TcpListener, hosts: Vec<String>, limits: Limits) -> io::Result<Self> {
        // A client may leave between the poll and the accept, which would then wait for the next one.
        listener.set_nonblocking(true)?;
        let (connections, stopped) = Connections::new()?;
        Ok(Self { listener: Mutex::new(Some(listener)), hosts: Hosts::new(hosts), limits, connections, stopped })
    }

    /// Returns a handle that stops the server.
    pub(crate) fn stopper(&self) -> Stopper {
        Stopper::new(&self.connections)
    }

    /// Serves connections until the server is stopped and every thread has ended. A second call returns at once.
    ///
    /// # Errors
    /// If the listening socket fails. The connections are then finished as if the server had been stopped.
    pub(crate) fn run(&self, handler: &dyn Handler) -> io::Result<()> {
        let Some(listener) = self.listener.lock().unpoisoned().take() else { return Ok(()) };
        let service = Service { handler, hosts: &self.hosts, limits: &self.limits };
        thread::scope(|scope| {
            let accepted = self.accept(scope, &service, &listener);
            drop(listener);
            if accepted.is_err() {
                self.connections.stop(self.limits.linger);
            }
            self.connections.finish();
            accepted
        })
    }

    /// Accepts connections until the server is stopped.
    fn accept<'scope, 'env>(
        &self,
        scope: &'scope Scope<'scope, 'env>,
        service: &'env Service<'env>,
        listener: &TcpListener,
    ) -> io::Result<()> {
        let (mut turned_away, mut pause, mut warned) = (TurnedAway::default(), None, false);
        loop {
            let ready = self.wait(listener, &turned_away, pause)?;
            if ready.stopped {
                return Ok(());
            }
            turned_away.advance();
            if pause.is_some_and(Deadline::has_passed) {
                pause = None;
            }
            if !ready.listener {
                continue;
            }
            match listener.accept() {
                Ok((stream, _)) => {
                    let stream = Arc::new(stream);
                    warned = false;
                    if !self.start(scope, service, &stream) {
                        turned_away.add(stream, self.limits.linger);
                    }
                }
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) if is_passing(&error) => {}
                Err(error) => {
                    let hint = if is_out_of_files(&error) { " (raise ulimit -n)" } else { "" };
                    if !std::mem::replace(&mut warned, true) {
                        log::warn!("cannot accept a connection: {error}{hint}");
                    }
                    pause = Some(Deadline::after(PAUSE));
                }
            }
        }
    }

    /// Waits until something is ready, or it is time to go on.
    fn wait(&self, listener: &TcpListener, turned_away: &TurnedAway, pause: Option<Deadline>) -> io::Result<Ready> {
        let until = [pause, turned_away.deadline()].into_iter().flatten().reduce(Deadline::earlier);
        let timeout = until.map(|until| timespec(until.left()));
        let accepted = if pause.is_none() { PollFlags::IN } else { PollFlags::empty() };
        let mut polled = vec![PollFd::new(&self.stopped, PollFlags::IN), PollFd::new(listener, accepted)];
        polled.extend(turned_away.polled());
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut ready = polled.iter().map(|polled| !polled.revents().is_empty());
        Ok(Ready { stopped: ready.next().unwrap_or(true), listener: ready.next().unwrap_or(true) && pause.is_none() })
    }

    /// Starts the thread of a connection. Returns `false` if there are too many.
    fn start<'scope, 'env>(
        &self,
        scope: &'scope Scope<'scope, 'env>,
        service: &'env Service<'env>,
        stream: &Arc<TcpStream>,
    ) -> bool {
        if self.connections.count() >= self.limits.connections || stream.set_nonblocking(false).is_err() {
            return false;
        }
        let listed = self.connections.list(stream);
        let served = Arc::clone(stream);
        let started = thread_builder()
            .and_then(|builder| builder.spawn_scoped(scope, move || connection::serve(service, served, listed)));
        started.inspect_err(|error| log::warn!("cannot start a thread for a connection: {error}")).is_ok()
    }
}

fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), tv_nsec: duration.subsec_nanos().into() }
}

/// Returns whether the socket itself is unusable, so that trying again is no use.
fn is_fatal(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP))
}

/// Returns whether only one connection failed: the client has left already, or a signal arrived.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted | WouldBlock)
}
