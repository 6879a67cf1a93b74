//! A server on loopback, and a client that sends bytes as they are.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

mod bodies;
mod early_answers;
mod expectations;
mod generated;
mod heads;
mod limits;
mod pure;
mod responses;
mod smuggling;
mod stopping;

use super::*;

/// Longer than anything takes that does not hang.
const PATIENCE: Duration = Duration::from_secs(10);

/// The limits for tests that reach none. Those that do set it themselves.
fn quick() -> Limits {
    Limits { linger: Duration::from_millis(300), settle_time: Duration::from_secs(1), ..Limits::default() }
}

struct Answering<F>(F);

impl<F: Fn(&mut Request<'_>) -> Response + Send + Sync> Handler for Answering<F> {
    fn handle(&self, request: &mut Request<'_>) -> Response {
        (self.0)(request)
    }
}

/// A server that runs until it is dropped.
struct Running {
    address: SocketAddr,
    stopper: Stopper,
    ended: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(limits: Limits, handle: impl Fn(&mut Request<'_>) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new(listener, vec!["h".to_owned(), address.to_string()], limits).unwrap();
        let (stopper, (end, ended)) = (server.stopper(), mpsc::channel());
        let thread = thread::spawn(move || {
            server.run(&Answering(handle)).unwrap();
            let _ = end.send(());
        });
        Self { address, stopper, ended, thread: Some(thread) }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client(stream)
    }

    /// Sends the bytes over a new connection, and returns the client.
    fn send(&self, bytes: impl AsRef<[u8]>) -> Client {
        let mut client = self.connect();
        client.send(bytes);
        client
    }

    /// Waits for the server to end, and returns how long that took.
    fn wait(&self) -> Duration {
        let begun = Instant::now();
        self.ended.recv_timeout(PATIENCE).expect("the server does not end");
        begun.elapsed()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop(Duration::ZERO);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || thread::panicking(), "the server panicked");
    }
}

/// A response as a strict client reads it.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.head.lines().filter_map(|line| line.split_once(": ")).filter(|(key, _)| *key == name);
        let value = found.next().map(|(_, value)| value);
        assert!(found.next().is_none(), "{name} is repeated in {}", self.head);
        value
    }

    fn closes(&self) -> bool {
        self.header("connection") == Some("close")
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

struct Client(TcpStream);

impl Client {
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends what the server may no longer accept.
    fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.0.write_all(bytes.as_ref());
    }

    fn half_close(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            assert_eq!(self.0.read(&mut byte).unwrap(), 1, "{:?}", String::from_utf8_lossy(&head));
            head.push(byte[0]);
        }
        String::from_utf8(head).unwrap()
    }

    /// Reads a response. `to_head`: it is to a HEAD request.
    fn answer_to(&mut self, to_head: bool) -> Answer {
        let head = self.head();
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest[..3].parse().ok()).unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        let size = answer.header("content-length").map(|size| size.parse().unwrap());
        assert_eq!(size.is_none(), matches!(status, 100..=199 | 204 | 304), "{}", answer.head);
        if !to_head {
            answer.body = vec![0; size.unwrap_or(0)];
            self.0.read_exact(&mut answer.body).unwrap();
        }
        answer
    }

    fn answer(&mut self) -> Answer {
        self.answer_to(false)
    }

    /// Reads up to the end of the connection, and returns the bytes and how the connection ended.
    fn rest(&mut self) -> (Vec<u8>, io::Result<usize>) {
        let mut rest = Vec::new();
        let end = self.0.read_to_end(&mut rest);
        (rest, end)
    }

    /// Asserts that the server sends nothing more and closes the connection.
    #[track_caller]
    fn closed(&mut self) {
        let (rest, end) = self.rest();
        assert_eq!(String::from_utf8_lossy(&rest), "");
        assert!(!matches!(&end, Err(error) if error.kind() == io::ErrorKind::WouldBlock), "the connection stays open");
    }

    /// Asserts that the connection is open, and serves another request.
    #[track_caller]
    fn goes_on(&mut self) {
        self.send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        let answer = self.answer();
        assert!(answer.text().starts_with("GET /next"), "{answer:?}");
    }
}

/// Reads the whole body, and answers with method, path and body, or with 400 and the kind of error.
fn echo(request: &mut Request<'_>) -> Response {
    let mut body = Vec::new();
    match request.body().read_to_end(&mut body) {
        Ok(_) => {
            let text = format!("{} {} {}", request.method.as_str(), request.path, String::from_utf8_lossy(&body));
            Response::text(200, text)
        }
        Err(error) => Response::text(400, format!("{:?}", error.kind())),
    }
}

/// A server that echoes, and the paths that its handler saw.
fn echoing(limits: Limits) -> (Running, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let paths = Arc::clone(&seen);
    let server = Running::start(limits, move |request| {
        paths.lock().unwrap().push(request.path.clone());
        echo(request)
    });
    (server, seen)
}
