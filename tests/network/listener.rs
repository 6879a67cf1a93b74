//! A loopback socket whose connections are served by a thread each, until it is dropped.

use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    stopped: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Listener {
    pub(crate) fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let streams = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let accepting = thread::spawn({
            let (streams, stopped, serve) = (Arc::clone(&streams), Arc::clone(&stopped), Arc::new(serve));
            move || {
                let mut threads = Vec::new();
                while let Ok((stream, _)) = listener.accept() {
                    if stopped.load(Ordering::SeqCst) {
                        break;
                    }
                    let ours = stream.try_clone().unwrap();
                    streams.lock().unwrap().push(stream.try_clone().unwrap());
                    let serve = Arc::clone(&serve);
                    threads.push(thread::spawn(move || {
                        serve(stream);
                        let _ = ours.shutdown(Shutdown::Both);
                    }));
                }
                threads.into_iter().for_each(|thread| thread.join().unwrap());
            }
        });
        Self { address, streams, stopped, accepting: Some(accepting) }
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.streams.lock().unwrap().len()
    }

    /// Ends all connections; new ones are served.
    pub(crate) fn hang_up(&self) {
        for stream in &*self.streams.lock().unwrap() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        self.hang_up();
        let _ = self.accepting.take().unwrap().join();
    }
}
