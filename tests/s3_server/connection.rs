//! The listening socket and its threads: one that accepts, one for each connection, all joined in the end.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Shared;
use super::exchange::{After, serve_one};
use super::http::Wire;

/// The end of the server, which waits are cut short by.
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

    /// Waits; true when the server was stopped meanwhile.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap();
        *self.changed.wait_timeout_while(stopped, duration, |stopped| !*stopped).unwrap().0
    }

    /// Waits for the end.
    pub(crate) fn wait_for_end(&self) {
        let deadline = Instant::now() + Duration::from_secs(24 * 3600);
        self.wait(deadline.saturating_duration_since(Instant::now()));
    }
}

/// Connections and their threads. The sockets are held weakly: a connection must close when its thread drops it.
type Connections = Mutex<Vec<(Weak<TcpStream>, JoinHandle<()>)>>;

/// A bound socket being served.
pub(crate) struct Listening {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    connections: Arc<Connections>,
    accepting: Option<JoinHandle<()>>,
}

impl Listening {
    pub(crate) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let host = if shared.config.ipv6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
        let listener = TcpListener::bind(SocketAddr::new(host, 0))?;
        let address = listener.local_addr()?;
        let connections = Arc::new(Connections::default());
        let accepting = thread::spawn({
            let (shared, connections) = (Arc::clone(&shared), Arc::clone(&connections));
            move || accept(&listener, &shared, &connections)
        });
        Ok(Self { address, shared, connections, accepting: Some(accepting) })
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, connections: &Connections) {
    for number in 1_u64.. {
        let accepted = listener.accept();
        if shared.stop.is_stopped() {
            return;
        }
        let Ok((stream, _)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        let stream = Arc::new(stream);
        let weak = Arc::downgrade(&stream);
        let shared = Arc::clone(shared);
        let handle = thread::spawn(move || serve(stream, &shared, number));
        let mut connections = connections.lock().unwrap();
        connections.retain(|(_, handle)| !handle.is_finished());
        connections.push((weak, handle));
    }
}

fn serve(stream: Arc<TcpStream>, shared: &Shared, number: u64) {
    let mut wire = Wire::new(stream);
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

/// Stops accepting, cuts every connection, and waits for all threads.
impl Drop for Listening {
    fn drop(&mut self) {
        self.shared.stop.stop();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        let mut failed = self.accepting.take().is_some_and(|thread| thread.join().is_err());
        let connections = std::mem::take(&mut *self.connections.lock().unwrap());
        for stream in connections.iter().filter_map(|(stream, _)| stream.upgrade()) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        for (_, thread) in connections {
            failed |= thread.join().is_err();
        }
        assert!(!failed || thread::panicking(), "a thread of the test server panicked");
    }
}
