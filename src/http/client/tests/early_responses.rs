//! Responses that arrive before the whole body has been sent.

use super::*;

/// The server closes the connection with the body unread, so its system resets the connection.
#[test]
fn a_response_sent_before_a_reset_is_returned() {
    let server = server(1, |mut stream, _| {
        stream.write_all(FORBIDDEN).unwrap();
    });
    let (host, body) = (server.address.to_string(), BytesPayload::new(vec![1; 30 << 20]));
    let mut response = client().send(&put(&host, &body)).unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(response.read(100).unwrap(), b"wrong");
    server.join();
}

#[test]
fn a_reset_without_a_response_is_a_broken_connection() {
    let server = server(1, |_, _| {});
    let (host, body) = (server.address.to_string(), BytesPayload::new(vec![1; 30 << 20]));
    let fault = client().send(&put(&host, &body)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Broken, "{fault}");
    server.join();
}

/// After responding, a server may stop reading the body, or read it for nothing. The client waits for neither.
#[test]
fn a_refusal_is_noticed_while_the_body_is_being_sent() {
    for reads_on in [false, true] {
        let server = server(1, move |mut stream, _| {
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
        let (host, body) = (server.address.to_string(), Paced);
        let start = std::time::Instant::now();
        let sender = client();
        let mut response = sender.send(&put(&host, &body)).unwrap();
        assert_eq!(response.status(), 403);
        assert_eq!(response.read(100).unwrap(), b"wrong");
        assert!(start.elapsed() < Duration::from_secs(20));
        drop((response, sender));
        server.join();
    }
}

/// An effectively endless payload, paced so that filling the system's buffers takes a while.
struct Paced;

impl Payload for Paced {
    fn size(&self) -> u64 {
        1 << 33
    }

    fn sha256(&self) -> io::Result<Digest> {
        Ok(Digest::of(b""))
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
fn an_early_response_without_a_length_keeps_its_body() {
    let server = server(1, |mut stream, _| {
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\nwrong").unwrap();
    });
    let (host, body) = (server.address.to_string(), BytesPayload::new(vec![1; 30 << 20]));
    let mut response = client().send(&put(&host, &body)).unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(response.read(100).unwrap(), b"wrong");
    server.join();
}

/// Reads the body of [`succeeds`] and answers.
fn accept(stream: &mut Connection) {
    let mut body = vec![0; 3 << 20];
    stream.read_exact(&mut body).unwrap();
    stream.write_all(OK).unwrap();
}

/// Asserts that a large body that waits for `100 Continue` is accepted.
fn succeeds(server: Loopback) {
    let (host, body) = (server.address.to_string(), BytesPayload::new(vec![1; 3 << 20]));
    let response = client().send(&Request { expect_continue: true, ..put(&host, &body) }).unwrap();
    assert!(response.is_success());
    server.join();
}

/// The server asks for the body late, when it is already being sent.
#[test]
fn a_late_100_continue_is_not_the_response() {
    let server = server(1, |mut stream, _| {
        thread::sleep(Duration::from_millis(1300));
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        accept(&mut stream);
    });
    succeeds(server);
}

/// The success arrives before the body is complete; the whole body is sent anyway.
#[test]
fn an_early_success_is_returned_without_another_wait() {
    let server = server(1, |mut stream, _| {
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

        fn sha256(&self) -> io::Result<Digest> {
            Ok(Digest::of(b""))
        }

        fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
            Ok(Box::new(Paced.open()?.take(self.size())))
        }
    }
    let host = server.address.to_string();
    let sender = client();
    let response = sender.send(&put(&host, &Short)).unwrap();
    assert!(response.is_success());
    drop((response, sender));
    server.join();
}

/// The final response arrives instead of `100 Continue`, and the connection stays open.
#[test]
fn a_refusal_instead_of_100_continue_does_not_hang() {
    let server = server(1, |mut stream, head| {
        assert!(head.contains("expect: 100-continue\r\n"), "{head}");
        stream.write_all(FORBIDDEN).unwrap();
        // Stays open until the client hangs up.
        let _ = stream.read(&mut [0]);
    });
    let (host, body) = (server.address.to_string(), BytesPayload::new(vec![1; 3 << 20]));
    let sender = client();
    let mut response = sender.send(&Request { expect_continue: true, ..put(&host, &body) }).unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!(response.read(100).unwrap(), b"wrong");
    drop((response, sender));
    server.join();
}

#[test]
fn a_body_is_sent_after_100_continue_or_if_the_server_ignores_the_request() {
    for answers in [true, false] {
        let server = server(1, move |mut stream, _| {
            if answers {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
            }
            accept(&mut stream);
        });
        succeeds(server);
    }
}

/// The server reads part of the body, refuses the request, and neither reads the rest nor closes the connection.
#[test]
fn a_refusal_is_read_while_a_write_is_blocked() {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let server = server(1, move |mut stream, _| {
        stream.read_exact(&mut vec![0; 300_000]).unwrap();
        // By then the client has filled all buffers.
        thread::sleep(Duration::from_millis(400));
        stream.write_all(FORBIDDEN).unwrap();
        let _ = wait.lock().unwrap().recv();
    });
    let (host, body) = (server.address.to_string(), BytesPayload::new(vec![7; 16 << 20]));
    let begun = std::time::Instant::now();
    let mut response = client().send(&put(&host, &body)).unwrap();
    assert_eq!((response.status(), response.read(100).unwrap()), (403, b"wrong".to_vec()));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(done);
    server.join();
}
