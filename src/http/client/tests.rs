use std::io::{self, Cursor, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

mod early_responses;
mod interim;

use super::*;
use crate::base::{Digest, MapEnv, SystemClock};
use crate::http::Origin;
use crate::http::loopback::{Connection, Loopback};
use crate::object::{BytesPayload, Payload};

/// Serves connections one after another on loopback. `serve` gets the head of the first request of each.
fn server(connections: usize, serve: impl Fn(Connection, String) + Send + 'static) -> Loopback {
    Loopback::serving(connections, move |mut stream| {
        let head = head(&mut stream);
        serve(stream, head);
    })
}

fn head(stream: &mut Connection) -> String {
    let mut head = Vec::new();
    // A TLS handshake starts with byte 22 and has no end that plain HTTP can detect.
    while !head.ends_with(b"\r\n\r\n") && head.first() != Some(&22) {
        let mut byte = [0];
        if stream.read(&mut byte).unwrap() == 0 {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Returns a configuration for hosts on loopback.
fn config<'a>(https: bool, ca_bundle: Option<(&'a Path, &'a str)>, env: &'a MapEnv) -> ClientConfig<'a> {
    let clock = Arc::new(SystemClock::default());
    ClientConfig {
        connections: 4,
        target: Origin { https, host: "127.0.0.1" },
        ca_bundle,
        env,
        clock,
        timeouts: Timeouts::REMOTE,
    }
}

fn client() -> Client {
    Client::new(&config(true, None, &MapEnv::default())).unwrap()
}

fn request<'a>(host: &'a str, method: Method, target: &str, body: Option<&'a dyn Payload>) -> Request<'a> {
    Request {
        method,
        origin: Origin { https: false, host },
        target: target.to_owned(),
        headers: vec![("host".to_owned(), host.to_owned())],
        body,
        expect_continue: false,
        answer_timeout: Duration::from_secs(20),
        new_connection: false,
        on_stop: OnStop::BreakOff,
    }
}

fn put<'a>(host: &'a str, body: &'a dyn Payload) -> Request<'a> {
    request(host, Method::Put, "/b/k", Some(body))
}

const FORBIDDEN: &[u8] = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 5\r\n\r\nwrong";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// Yields `yields` bytes, but announces `announces`.
struct Liar {
    announces: u64,
    yields: usize,
}

impl Payload for Liar {
    fn size(&self) -> u64 {
        self.announces
    }

    fn sha256(&self) -> io::Result<Digest> {
        Ok(Digest::of(b""))
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Cursor::new(vec![7; self.yields])))
    }
}

#[test]
fn the_target_is_sent_byte_for_byte() {
    let target = "/b/a//./../%2B%20~'()!*;?list-type=2&prefix=a%2F";
    let server = server(1, move |mut stream, head| {
        assert!(head.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{head}");
        assert!(head.contains("accept-encoding: identity\r\n"), "{head}");
        assert!(!head.contains("\r\naccept:") && !head.contains("content-length"), "{head}");
        assert_eq!(head.matches("host: ").count(), 1, "{head}");
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nx-amz-id: 1\r\n\r\nabc").unwrap();
    });
    let host = server.address.to_string();
    let mut response = client().send(&request(&host, Method::Get, target, None)).unwrap();
    assert_eq!((response.status(), response.content_length()), (200, Some(3)));
    assert_eq!(response.read(2).unwrap(), b"ab");
    assert_eq!(response.read(10).unwrap(), b"c");
    server.join();
}

#[test]
fn a_put_always_has_a_content_length_even_if_zero() {
    let server = server(2, |mut stream, head| {
        assert!(head.contains("content-length: 0\r\n"), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
        stream.write_all(OK).unwrap();
    });
    let host = server.address.to_string();
    let empty = BytesPayload::new(Vec::new());
    for body in [None, Some(&empty as &dyn Payload)] {
        let response = client().send(&request(&host, Method::Put, "/b/k", body)).unwrap();
        assert!(response.is_success());
    }
    server.join();
}

/// Asserts that the first request succeeds, and that the next finds its connection stale.
fn second_is_stale(server: Loopback) {
    let (host, sender) = (server.address.to_string(), client());
    let get = || request(&host, Method::Get, "/b/k", None);
    sender.send(&get()).unwrap().read(10).unwrap();
    assert_eq!(sender.send(&get()).unwrap_err().kind, FaultKind::Stale);
    server.join();
}

/// The response is longer than announced; the rest is not taken for the next response.
#[test]
fn garbage_is_stale_on_a_reused_connection_and_not_http_on_a_new_one() {
    let server = server(1, |mut stream, _| {
        stream.write_all(OK).unwrap();
        head(&mut stream);
        let _ = stream.write_all(b"garbage that is no status line\r\n\r\n");
    });
    second_is_stale(server);
}

#[test]
fn a_payload_of_the_wrong_length_is_an_error_and_is_never_sent_completely() {
    for (yields, kind) in [(999, io::ErrorKind::UnexpectedEof), (1001, io::ErrorKind::InvalidData)] {
        let server = server(1, |mut stream, _| {
            let mut body = Vec::new();
            let _ = stream.read_to_end(&mut body);
            assert!(body.len() < 1000, "{} bytes came", body.len());
        });
        let host = server.address.to_string();
        let fault = client().send(&put(&host, &Liar { announces: 1000, yields })).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Payload);
        assert_eq!(fault.into_payload_error().unwrap().kind(), kind);
        server.join();
    }
}

/// The server answers one request, waits until the next has been sent, and closes the connection.
#[test]
fn a_pooled_connection_that_dies_during_a_request_is_stale() {
    let server = server(1, |mut stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        head(&mut stream);
    });
    second_is_stale(server);
}

/// As worded by the resolvers of glibc and musl.
#[test]
fn look_up_failures_are_classified_by_their_text() {
    for (reason, kind) in [
        ("Name or service not known", FaultKind::HostNotFound),
        ("Name does not resolve", FaultKind::HostNotFound),
        ("Temporary failure in name resolution", FaultKind::NameServer),
        ("Try again", FaultKind::NameServer),
    ] {
        let error = io::Error::other(format!("failed to lookup address information: {reason}"));
        assert_eq!(Fault::new(ureq::Error::Io(error), None).kind, kind, "{reason}");
    }
}

#[test]
fn faults_have_a_kind_and_a_hint() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let plain_server = server(1, |mut stream, _| stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n").unwrap());
    let ssh_server = server(1, |mut stream, _| stream.write_all(b"SSH-2.0-OpenSSH_9\r\n").unwrap());
    // A fatal alert: the client's bytes are not TLS.
    let tls_server = server(1, |mut stream, _| stream.write_all(&[21, 3, 3, 0, 2, 2, 10]).unwrap());
    let [plain, ssh, tls] = [&plain_server, &ssh_server, &tls_server].map(|server| server.address.to_string());
    for (host, https, kind) in [
        (free.as_str(), false, FaultKind::Refused),
        (&plain, true, FaultKind::PlainHttp),
        (&ssh, false, FaultKind::NotHttp),
        (&tls, false, FaultKind::SpeaksTls),
    ] {
        let fault = client()
            .send(&Request { origin: Origin { https, host }, ..request(host, Method::Get, "/", None) })
            .unwrap_err();
        assert_eq!(fault.kind, kind, "{host}: {fault}");
        assert!(fault.hint().is_some());
    }
    plain_server.join();
    ssh_server.join();
    tls_server.join();
}

#[test]
fn an_empty_bundle_is_an_error_that_names_the_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let env = MapEnv::default();
    for path in [file.path(), Path::new("/no/such/bundle")] {
        let error = Client::new(&config(true, Some((path, "AWS_CA_BUNDLE")), &env)).unwrap_err().to_string();
        assert!(error.contains("AWS_CA_BUNDLE") && error.contains(&path.display().to_string()), "{error}");
        // Also if TLS is not needed, as in the AWS tools. The system's bundle is not read in that case.
        assert!(Client::new(&config(false, Some((path, "AWS_CA_BUNDLE")), &env)).is_err());
        assert!(Client::new(&config(false, Some((path, "SSL_CERT_FILE")), &env)).is_ok());
    }
}

#[test]
fn a_stopped_thread_is_interrupted_in_the_middle_of_a_body() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let server = server(1, move |mut stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello").unwrap();
        let _ = wait.lock().unwrap().recv();
    });
    let (host, cancel) = (server.address.to_string(), Cancel::new());
    let client = client();
    let stopped = thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let stops = cancel.clone();
            let _stops = crate::http::stop_thread(move || stops.is_cancelled());
            let mut body = client.send(&request(&host, Method::Get, "/", None)).unwrap().into_body();
            let mut bytes = Vec::new();
            (body.read_to_end(&mut bytes).is_err(), bytes)
        });
        thread::sleep(Duration::from_millis(50));
        cancel.cancel();
        reading.join().unwrap()
    });
    assert_eq!(stopped, (true, b"hello".to_vec()));
    drop(done);
}
