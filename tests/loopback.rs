//! A loopback socket whose connections are served until it is dropped.
// The unit tests and the integration tests each use a part of it.
#![allow(dead_code)]

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{self, JoinHandle};

/// A connection, which closes when its handler drops the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    stream: Arc<TcpStream>,
    /// Counts the listener's connections, from 1.
    pub(crate) number: u64,
}

/// A bound socket and the threads that serve it. Dropping it ends every connection, joins every thread, and panics if a
/// handler panicked.
#[derive(Debug)]
pub(crate) struct Loopback {
    pub(crate) address: SocketAddr,
    served: Arc<Served>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Served {
    stopped: AtomicBool,
    connections: AtomicU64,
    /// Weak, because a connection must close when its handler drops it.
    streams: Mutex<Vec<Weak<TcpStream>>>,
}

impl Loopback {
    /// Serves each connection on a thread of its own. Each is shut down after that, but stays open: closing it with
    /// unread input would reset it, which may discard what was sent.
    pub(crate) fn start(serve: impl Fn(Connection) + Send + Sync + 'static) -> Self {
        let kept = Mutex::new(Vec::new());
        Self::start_on(Ipv4Addr::LOCALHOST.into(), move |connection| {
            kept.lock().unwrap().push(connection.clone());
            serve(connection.clone());
            let _ = connection.shutdown(Shutdown::Both);
        })
    }

    /// Serves each connection on a thread of its own, and leaves it to the handler how it ends.
    pub(crate) fn start_on(ip: IpAddr, serve: impl Fn(Connection) + Send + Sync + 'static) -> Self {
        let serve = Arc::new(serve);
        Self::accepting(ip, move |listener, served| {
            let mut threads: Vec<JoinHandle<()>> = Vec::new();
            while let Some(connection) = served.accept(&listener) {
                let serve = Arc::clone(&serve);
                let (finished, open) = threads.into_iter().partition(JoinHandle::is_finished);
                join(finished);
                threads = open;
                threads.push(thread::spawn(move || serve(connection)));
            }
            join(threads);
        })
    }

    /// Serves that many connections one after another on one thread, and leaves it to the handler how they end.
    pub(crate) fn serving(connections: usize, serve: impl Fn(Connection) + Send + 'static) -> Self {
        Self::accepting(Ipv4Addr::LOCALHOST.into(), move |listener, served| {
            (0..connections).map_while(|_| served.accept(&listener)).for_each(serve);
        })
    }

    fn accepting(ip: IpAddr, accept: impl FnOnce(TcpListener, &Served) + Send + 'static) -> Self {
        let listener = TcpListener::bind(SocketAddr::new(ip, 0)).expect("a loopback socket");
        let address = listener.local_addr().unwrap();
        let served = Arc::new(Served::default());
        let accepting = thread::spawn({
            let served = Arc::clone(&served);
            move || accept(listener, &served)
        });
        Self { address, served, accepting: Some(accepting) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.served.connections.load(Ordering::SeqCst) as usize
    }

    /// Ends all connections; new ones are served.
    pub(crate) fn hang_up(&self) {
        for stream in self.served.streams.lock().unwrap().iter().filter_map(Weak::upgrade) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits for the handlers of all [`serving`](Self::serving) connections.
    pub(crate) fn join(mut self) {
        self.accepting.take().unwrap().join().unwrap();
    }
}

impl Served {
    /// Waits for a connection; `None` once the listener is dropped.
    fn accept(&self, listener: &TcpListener) -> Option<Connection> {
        loop {
            let Ok((stream, _)) = listener.accept() else { continue };
            let stream = Arc::new(stream);
            let mut streams = self.streams.lock().unwrap();
            // Under the lock, because a stream that is listed after the last `hang_up` would never end.
            if self.stopped.load(Ordering::SeqCst) {
                return None;
            }
            streams.retain(|stream| stream.strong_count() > 0);
            streams.push(Arc::downgrade(&stream));
            return Some(Connection { stream, number: self.connections.fetch_add(1, Ordering::SeqCst) + 1 });
        }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        self.served.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        self.hang_up();
        let ended = accepting.join();
        assert!(ended.is_ok() || thread::panicking(), "a handler panicked");
    }
}

/// Joins all threads, then panics if one of them panicked.
fn join(threads: Vec<JoinHandle<()>>) {
    let failed = threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count();
    assert_eq!(failed, 0, "handlers panicked");
}

impl Deref for Connection {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.stream
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.stream).read(buffer)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.stream).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
