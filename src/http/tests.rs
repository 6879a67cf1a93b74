use std::io::{self, Cursor, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

mod interim;

use super::fault::FaultKind;
use super::*;
use crate::base::{Digest, MapEnv, SystemClock};
use crate::object::{BytesPayload, Payload};

/// Serves connections one after another on loopback. `serve` gets the head of the first request of each.
fn server(connections: usize, serve: impl Fn(TcpStream, String) + Send + 'static) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            let head = head(&mut stream);
            serve(stream, head);
        }
    });
    (address, thread)
}

fn head(stream: &mut TcpStream) -> String {
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
    ClientConfig { connections: 4, target: (https, "127.0.0.1"), ca_bundle, env, clock, timeouts: Timeouts::REMOTE }
}

fn client() -> Client {
    Client::new(&config(true, None, &MapEnv::default())).unwrap()
}

fn request<'a>(host: &'a str, method: Method, target: &str, body: Option<&'a dyn Payload>) -> Request<'a> {
    Request {
        method,
        https: false,
        host,
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

    fn sha256(&self) -> Digest {
        Digest::of(b"")
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Cursor::new(vec![7; self.yields])))
    }
}

#[test]
fn the_target_goes_on_the_wire_byte_for_byte() {
    let target = "/b/a//./../%2B%20~'()!*;?list-type=2&prefix=a%2F";
    let (address, thread) = server(1, move |mut stream, head| {
        assert!(head.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{head}");
        assert!(head.contains("accept-encoding: identity\r\n"), "{head}");
        assert!(!head.contains("\r\naccept:") && !head.contains("content-length"), "{head}");
        assert_eq!(head.matches("host: ").count(), 1, "{head}");
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nx-amz-id: 1\r\n\r\nabc").unwrap();
    });
    let host = address.to_string();
    let mut response = client().send(&request(&host, Method::Get, target, None)).unwrap();
    assert_eq!((response.status(), response.content_length()), (200, Some(3)));
    assert_eq!(response.read(2).unwrap(), b"ab");
    assert_eq!(response.read(10).unwrap(), b"c");
    thread.join().unwrap();
}

#[test]
fn a_put_has_its_length_also_when_it_is_zero() {
    let (address, thread) = server(2, |mut stream, head| {
        assert!(head.contains("content-length: 0\r\n"), "{head}");
        assert!(!head.contains("transfer-encoding"), "{head}");
        stream.write_all(OK).unwrap();
    });
    let host = address.to_string();
    let empty = BytesPayload::new(Vec::new());
    for body in [None, Some(&empty as &dyn Payload)] {
        let response = client().send(&request(&host, Method::Put, "/b/k", body)).unwrap();
        assert!(response.is_success());
    }
    thread.join().unwrap();
}

/// The server closes the connection with the body unread, so its system resets the connection.
#[test]
fn an_answer_before_a_reset_is_not_lost() {
    let (address, thread) = server(1, |mut stream, _| {
        stream.write_all(FORBIDDEN).unwrap();
    });
    let (host, body) = (address.to_string(), BytesPayload::new(vec![1; 30 << 20]));
    let mut response = client().send(&put(&host, &body)).unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(response.read(100).unwrap(), b"wrong");
    thread.join().unwrap();
}

#[test]
fn a_reset_without_an_answer_is_a_broken_connection() {
    let (address, thread) = server(1, |_, _| {});
    let (host, body) = (address.to_string(), BytesPayload::new(vec![1; 30 << 20]));
    let fault = client().send(&put(&host, &body)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Broken, "{fault}");
    thread.join().unwrap();
}

/// After responding, a server may stop reading the body, or read it for nothing. The client waits for neither.
#[test]
fn a_refusal_is_noticed_while_the_body_is_being_sent() {
    for reads_on in [false, true] {
        let (address, thread) = server(1, move |mut stream, _| {
            stream.write_all(FORBIDDEN).unwrap();
            if reads_on {
                // Reads slowly, so that sending takes time.
                let mut piece = vec![0; 64 << 10];
                while stream.read(&mut piece).is_ok_and(|read| read > 0) {
                    thread::sleep(Duration::from_millis(2));
                }
            } else {
                thread::sleep(Duration::from_millis(900));
            }
        });
        let (host, body) = (address.to_string(), Paced);
        let start = std::time::Instant::now();
        let sender = client();
        let mut response = sender.send(&put(&host, &body)).unwrap();
        assert_eq!(response.status(), 403);
        assert_eq!(response.read(100).unwrap(), b"wrong");
        assert!(start.elapsed() < Duration::from_secs(20));
        drop((response, sender));
        thread.join().unwrap();
    }
}

/// An effectively endless payload, paced so that filling the system's buffers takes a while.
struct Paced;

impl Payload for Paced {
    fn size(&self) -> u64 {
        1 << 33
    }

    fn sha256(&self) -> Digest {
        Digest::of(b"")
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        struct Pace;
        impl Read for Pace {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                thread::sleep(Duration::from_millis(5));
                Ok(buffer.len().min(8 << 10))
            }
        }
        Ok(Box::new(Pace))
    }
}

/// Returns what the server sends after a refusal that ends with the connection.
#[test]
fn an_early_answer_without_a_length_keeps_its_body() {
    let (address, thread) = server(1, |mut stream, _| {
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\nwrong").unwrap();
    });
    let (host, body) = (address.to_string(), BytesPayload::new(vec![1; 30 << 20]));
    let mut response = client().send(&put(&host, &body)).unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(response.read(100).unwrap(), b"wrong");
    thread.join().unwrap();
}

/// The server asks for the body late, when it is already being sent.
#[test]
fn a_late_100_continue_is_no_answer() {
    let (address, thread) = server(1, |mut stream, _| {
        thread::sleep(Duration::from_millis(1300));
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let mut body = vec![0; 3 << 20];
        stream.read_exact(&mut body).unwrap();
        stream.write_all(OK).unwrap();
    });
    let (host, body) = (address.to_string(), BytesPayload::new(vec![1; 3 << 20]));
    let response = client().send(&Request { expect_continue: true, ..put(&host, &body) }).unwrap();
    assert!(response.is_success());
    thread.join().unwrap();
}

/// The success arrives before the body is complete; the whole body is sent anyway.
#[test]
fn an_early_success_is_not_waited_for_again() {
    let (address, thread) = server(1, |mut stream, _| {
        stream.write_all(OK).unwrap();
        let mut body = Vec::new();
        stream.read_to_end(&mut body).unwrap();
        assert_eq!(body.len(), 600 << 10);
    });
    struct Short;
    impl Payload for Short {
        fn size(&self) -> u64 {
            600 << 10
        }

        fn sha256(&self) -> Digest {
            Digest::of(b"")
        }

        fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
            Ok(Box::new(Paced.open()?.take(self.size())))
        }
    }
    let host = address.to_string();
    let sender = client();
    let response = sender.send(&put(&host, &Short)).unwrap();
    assert!(response.is_success());
    drop((response, sender));
    thread.join().unwrap();
}

/// The response is longer than announced; the rest is not taken for the next response.
#[test]
fn garbage_on_a_used_connection_is_stale_and_on_a_new_one_not_http() {
    let (address, thread) = server(1, |mut stream, _| {
        stream.write_all(OK).unwrap();
        head(&mut stream);
        let _ = stream.write_all(b"garbage that is no status line\r\n\r\n");
    });
    let (host, sender) = (address.to_string(), client());
    let get = || request(&host, Method::Get, "/b/k", None);
    sender.send(&get()).unwrap().read(10).unwrap();
    assert_eq!(sender.send(&get()).unwrap_err().kind, FaultKind::Stale);
    thread.join().unwrap();
}

/// The final response arrives instead of `100 Continue`, and the connection stays open.
#[test]
fn a_refusal_instead_of_100_continue_does_not_hang() {
    let (address, thread) = server(1, |mut stream, head| {
        assert!(head.contains("expect: 100-continue\r\n"), "{head}");
        stream.write_all(FORBIDDEN).unwrap();
        // Stays open until the client hangs up.
        let _ = stream.read(&mut [0]);
    });
    let (host, body) = (address.to_string(), BytesPayload::new(vec![1; 3 << 20]));
    let sender = client();
    let mut response = sender.send(&Request { expect_continue: true, ..put(&host, &body) }).unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(response.read(100).unwrap(), b"wrong");
    drop((response, sender));
    thread.join().unwrap();
}

#[test]
fn a_body_goes_after_100_continue_or_when_the_server_ignores_it() {
    for answers in [true, false] {
        let (address, thread) = server(1, move |mut stream, _| {
            if answers {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
            }
            let mut body = vec![0; 3 << 20];
            stream.read_exact(&mut body).unwrap();
            stream.write_all(OK).unwrap();
        });
        let (host, body) = (address.to_string(), BytesPayload::new(vec![1; 3 << 20]));
        let response = client().send(&Request { expect_continue: true, ..put(&host, &body) }).unwrap();
        assert!(response.is_success());
        thread.join().unwrap();
    }
}

#[test]
fn a_payload_of_another_length_than_announced_ends_with_an_error_and_is_not_sent_whole() {
    for (yields, kind) in [(999, io::ErrorKind::UnexpectedEof), (1001, io::ErrorKind::InvalidData)] {
        let (address, thread) = server(1, |mut stream, _| {
            let mut body = Vec::new();
            let _ = stream.read_to_end(&mut body);
            assert!(body.len() < 1000, "{} bytes came", body.len());
        });
        let host = address.to_string();
        let fault = client().send(&put(&host, &Liar { announces: 1000, yields })).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Payload);
        assert_eq!(fault.into_payload_error().unwrap().kind(), kind);
        thread.join().unwrap();
    }
}

/// The server answers one request, waits until the next has been sent, and closes the connection.
#[test]
fn a_pooled_connection_that_dies_under_a_request_is_stale() {
    let (address, thread) = server(1, |mut stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        head(&mut stream);
    });
    let (host, sender) = (address.to_string(), client());
    let get = || request(&host, Method::Get, "/b/k", None);
    sender.send(&get()).unwrap().read(10).unwrap();
    assert_eq!(sender.send(&get()).unwrap_err().kind, FaultKind::Stale);
    thread.join().unwrap();
}

/// As worded by the resolvers of glibc and musl.
#[test]
fn faults_of_name_servers_are_told_apart_by_what_they_say() {
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
fn faults_have_their_kind_and_a_hint() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (plain, plain_thread) = server(1, |mut stream, _| stream.write_all(b"HTTP/1.1 400 Bad\r\n\r\n").unwrap());
    let (ssh, ssh_thread) = server(1, |mut stream, _| stream.write_all(b"SSH-2.0-OpenSSH_9\r\n").unwrap());
    // A fatal alert: the client's bytes are not TLS.
    let (tls, tls_thread) = server(1, |mut stream, _| stream.write_all(&[21, 3, 3, 0, 2, 2, 10]).unwrap());
    let (plain, ssh, tls) = (plain.to_string(), ssh.to_string(), tls.to_string());
    for (host, https, kind) in [
        (free.as_str(), false, FaultKind::Refused),
        (&plain, true, FaultKind::PlainHttp),
        (&ssh, false, FaultKind::NotHttp),
        (&tls, false, FaultKind::SpeaksTls),
    ] {
        let fault = client().send(&Request { https, ..request(host, Method::Get, "/", None) }).unwrap_err();
        assert_eq!(fault.kind, kind, "{host}: {fault}");
        assert!(fault.hint().is_some());
    }
    plain_thread.join().unwrap();
    ssh_thread.join().unwrap();
    tls_thread.join().unwrap();
}

#[test]
fn a_bundle_without_certificates_is_an_error_that_names_it() {
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

/// The server reads part of the body, refuses the request, and neither reads the rest nor closes the connection.
#[test]
fn a_refusal_is_heard_while_a_write_is_blocked() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let (address, thread) = server(1, move |mut stream, _| {
        stream.read_exact(&mut vec![0; 300_000]).unwrap();
        // By then the client has filled all buffers.
        thread::sleep(Duration::from_millis(400));
        stream.write_all(FORBIDDEN).unwrap();
        let _ = wait.lock().unwrap().recv();
    });
    let (host, body) = (address.to_string(), BytesPayload::new(vec![7; 16 << 20]));
    let begun = std::time::Instant::now();
    let mut response = client().send(&put(&host, &body)).unwrap();
    assert_eq!((response.status(), response.read(100).unwrap()), (403, b"wrong".to_vec()));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(done);
    thread.join().unwrap();
}
