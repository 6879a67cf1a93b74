//! The listening socket, and the requests of each connection.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::Shared;
use super::exchange::{After, serve_one};
use super::http::Wire;
use crate::loopback::{Connection, Loopback};

/// Ends the server, and cuts waits short.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    fn stop(&self) {
        *self.stopped.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.lock().unwrap()
    }

    /// Waits; returns true if the server was stopped in the meantime.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap();
        *self.changed.wait_timeout_while(stopped, duration, |stopped| !*stopped).unwrap().0
    }

    /// Waits until the server is stopped.
    pub(crate) fn wait_for_end(&self) {
        let deadline = Instant::now() + Duration::from_secs(24 * 3600);
        self.wait(deadline.saturating_duration_since(Instant::now()));
    }
}

/// A bound socket that is served.
pub(crate) struct Listening {
    shared: Arc<Shared>,
    loopback: Loopback,
}

impl Listening {
    pub(crate) fn start(shared: Arc<Shared>) -> Self {
        let ip = if shared.config.ipv6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
        let loopback = Loopback::start_on(ip, {
            let shared = Arc::clone(&shared);
            move |connection| serve(connection, &shared)
        });
        Self { shared, loopback }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.loopback.address
    }
}

fn serve(connection: Connection, shared: &Shared) {
    let _ = connection.set_nodelay(true);
    let number = connection.number;
    let mut wire = Wire::new(connection);
    loop {
        match serve_one(&mut wire, shared, number) {
            After::KeepAlive => {}
            After::CloseGently => return wire.close_gently(),
            After::Reset => return,
            After::ResetNext => return wire.wait_for_next(),
            After::Close => {
                let _ = wire.take_tail();
                return;
            }
        }
    }
}

/// Cuts waits short, so that the connections end.
impl Drop for Listening {
    fn drop(&mut self) {
        self.shared.stop.stop();
    }
}
