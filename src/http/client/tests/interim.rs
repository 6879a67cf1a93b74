//! Interim responses, byte by byte.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::*;

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\nlink: </b>\r\n\r\n";
const BODY: usize = 3 << 20;

/// Sends `first`, reads the body, sends `then`, and ends with a success.
fn exchange(first: &'static str, then: &'static str, expect_continue: bool) -> Duration {
    let server = server(1, move |mut stream, _| {
        stream.write_all(first.as_bytes()).unwrap();
        stream.read_exact(&mut vec![0; BODY]).unwrap();
        stream.write_all(then.as_bytes()).unwrap();
        stream.write_all(OK).unwrap();
    });
    let (host, body) = (server.address.to_string(), BytesPayload::new(vec![1; BODY]));
    let begun = Instant::now();
    let response = client().send(&Request { expect_continue, ..put(&host, &body) });
    assert_eq!(response.unwrap().status(), 200, "{first:?} {then:?}");
    let elapsed = begun.elapsed();
    server.join();
    elapsed
}

#[test]
fn interim_responses_before_and_after_the_body_are_skipped() {
    let before: [&'static str; 6] = [
        concat!("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"),
        concat!("HTTP/1.1 102 Processing\r\n\r\n", "HTTP/1.1 103 x\r\na: b\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"),
        concat!("HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 x\r\na: b\r\n\r\n"),
        "HTTP/1.1 100 Continue\r\ndate: now\r\nserver: x\r\n\r\n",
        "HTTP/1.1 100\n\n",
        "HTTP/1.0 199 Whatever\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    ];
    for first in before {
        for expect_continue in [true, false] {
            // Well below the second that a server gets if it ignores `Expect`. A busy machine may take longer.
            let in_time = |_| exchange(first, HINTS, expect_continue) < Duration::from_millis(900);
            assert!((0..10).any(in_time), "{first:?}");
        }
    }
    for then in [CONTINUE, HINTS, "HTTP/1.1 100 Continue\r\nserver: x\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n"] {
        exchange(CONTINUE, then, true);
        exchange("", then, false);
    }
}

/// Early hints alone do not ask for the body; it is sent after the server has had its second to ask.
#[test]
fn early_hints_do_not_delay_the_body() {
    let elapsed = exchange(HINTS, "", true);
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
}

#[test]
fn an_interim_response_may_arrive_in_pieces() {
    let server = server(1, |mut stream, _| {
        for piece in [HINTS, CONTINUE].concat().as_bytes().chunks(7) {
            stream.write_all(piece).unwrap();
            thread::sleep(Duration::from_millis(5));
        }
        stream.read_exact(&mut vec![0; BODY]).unwrap();
        for piece in [HINTS.as_bytes(), OK].concat().chunks(1) {
            stream.write_all(piece).unwrap();
        }
    });
    let (host, body) = (server.address.to_string(), BytesPayload::new(vec![1; BODY]));
    let response = client().send(&Request { expect_continue: true, ..put(&host, &body) }).unwrap();
    assert_eq!(response.status(), 200);
    server.join();
}

#[test]
fn a_response_to_a_get_may_follow_interim_responses() {
    for count in [1, 50, 100] {
        let server = server(1, move |mut stream, _| {
            stream.write_all(HINTS.repeat(count).as_bytes()).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n").unwrap();
            // An interim response inside a body is part of the body.
            stream.write_all(b"HTTP/1.1 103 x\r\n\r\n").unwrap();
            thread::sleep(Duration::from_millis(20));
            stream.write_all(b"HTTP/1.1 ...").unwrap();
        });
        let host = server.address.to_string();
        let mut response = client().send(&request(&host, Method::Get, "/b/k", None)).unwrap();
        assert_eq!(response.read(100).unwrap(), b"HTTP/1.1 103 x\r\n\r\nHTTP/1.1 ...");
        server.join();
    }
}

/// Interim responses without end, and each one endless.
#[test]
fn endless_interim_responses_are_an_error() {
    for (piece, method) in
        [(CONTINUE, Method::Get), (HINTS, Method::Get), (CONTINUE, Method::Put), ("link: </a>\r\n", Method::Get)]
    {
        let server = server(1, move |mut stream, _| {
            let mut sent = stream.write_all(b"HTTP/1.1 103 Early Hints\r\n");
            if piece.starts_with("HTTP") {
                sent = stream.write_all(b"\r\n");
            }
            while sent.is_ok() {
                sent = stream.write_all(piece.as_bytes());
            }
        });
        let (host, body) = (server.address.to_string(), BytesPayload::new(vec![1; BODY]));
        let body = (method == Method::Put).then_some(&body as &dyn Payload);
        let expect_continue = body.is_some();
        let fault = client().send(&Request { expect_continue, ..request(&host, method, "/b/k", body) }).unwrap_err();
        assert_eq!(fault.kind, FaultKind::NotHttp, "{fault}");
        assert!(fault.to_string().contains("interim responses"), "{fault}");
        server.join();
    }
}

#[test]
fn switching_protocols_is_a_response_but_not_a_success() {
    for body in [None, Some(BytesPayload::new(vec![1; BODY]))] {
        let server = server(1, |mut stream, _| {
            stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n").unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let host = server.address.to_string();
        let payload = body.as_ref().map(|body| body as &dyn Payload);
        let expect_continue = body.is_some();
        let sender = client();
        let request = Request { expect_continue, ..request(&host, Method::Put, "/b/k", payload) };
        let response = sender.send(&request).unwrap();
        assert_eq!((response.status(), response.is_success()), (101, false));
        drop((response, sender));
        server.join();
    }
}

/// The server asks for the body, reads part of it, and refuses the rest without reading it.
#[test]
fn a_refusal_after_interim_responses_is_read_while_a_write_is_blocked() {
    let (done, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let server = server(1, move |mut stream, _| {
        stream.read_exact(&mut vec![0; 300_000]).unwrap();
        thread::sleep(Duration::from_millis(400));
        stream.write_all(&[HINTS.as_bytes(), CONTINUE.as_bytes(), FORBIDDEN].concat()).unwrap();
        let _ = wait.lock().unwrap().recv();
    });
    let (host, body) = (server.address.to_string(), BytesPayload::new(vec![7; 16 << 20]));
    let begun = Instant::now();
    let mut response = client().send(&put(&host, &body)).unwrap();
    assert_eq!((response.status(), response.read(100).unwrap()), (403, b"wrong".to_vec()));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(done);
    server.join();
}

#[test]
fn a_connection_that_sent_interim_responses_is_reused() {
    let requests = Arc::new(Mutex::new(0));
    let served = Arc::clone(&requests);
    let server = server(1, move |mut stream, _| {
        for _ in 0..3 {
            stream.write_all(&[HINTS.as_bytes(), CONTINUE.as_bytes(), OK].concat()).unwrap();
            *served.lock().unwrap() += 1;
            head(&mut stream);
        }
    });
    let (host, sender) = (server.address.to_string(), client());
    for _ in 0..3 {
        let mut response = sender.send(&request(&host, Method::Get, "/b/k", None)).unwrap();
        assert!(response.read(10).unwrap().is_empty());
    }
    drop(sender);
    server.join();
    assert_eq!(*requests.lock().unwrap(), 3);
}

/// After `417`, the server may or may not still expect the body.
#[test]
fn a_connection_that_returned_417_is_not_reused() {
    let open = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&open);
    let server = server(2, move |mut stream, _| {
        let first = kept.lock().unwrap().is_empty();
        let answer = if first { &b"HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n"[..] } else { OK };
        stream.write_all(answer).unwrap();
        kept.lock().unwrap().push(stream);
    });
    let (host, body, sender) = (server.address.to_string(), BytesPayload::new(vec![1; 10]), client());
    for status in [417, 200] {
        let mut response = sender.send(&put(&host, &body)).unwrap();
        assert!(response.read(10).unwrap().is_empty());
        assert_eq!(response.status(), status);
    }
    server.join();
}
