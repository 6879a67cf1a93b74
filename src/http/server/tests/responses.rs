//! Responses, byte by byte, and what follows them.

use std::io::Cursor;

use super::*;

const SIZE: u64 = 300_000;

fn pattern(size: u64) -> Vec<u8> {
    (0..size).map(|at| (at % 253) as u8).collect()
}

/// Yields some bytes, then fails or ends.
struct Broken {
    left: usize,
    fails: bool,
}

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.left.min(buffer.len());
        self.left -= length;
        if length == 0 && self.fails { Err(io::Error::other("a digest is wrong")) } else { Ok(length) }
    }
}

fn respond(request: &Request<'_>) -> Response {
    let broken = |left, fails| Response::stream(200, "a/b", SIZE, Box::new(Broken { left, fails }));
    match request.path.as_str() {
        "/next" => Response::text(200, "GET /next"),
        "/empty" => Response::empty(202).header("location", "/v2/"),
        "/none" => Response { body: Body::Bytes(b"not sent".to_vec()), ..Response::empty(204) },
        "/unmodified" => Response { body: Body::Bytes(b"not sent".to_vec()), ..Response::empty(304) },
        "/bytes" => Response::bytes(404, "application/json", "{}"),
        "/stream" => Response::stream(206, "a/b", SIZE, Box::new(Cursor::new(pattern(SIZE)))),
        "/longer" => Response::stream(200, "a/b", 10, Box::new(Cursor::new(pattern(SIZE)))),
        "/nothing" => Response::stream(200, "a/b", 0, Box::new(io::empty())),
        "/failing" => broken(100_000, true),
        "/failing-at-once" => broken(0, true),
        "/failing-last" => broken(SIZE as usize - 1, true),
        "/short" => broken(SIZE as usize - 1, false),
        "/size" => Response::size(200, "a/b", 77),
        "/injected" => Response::empty(200).header("location", "/\r\nx: y"),
        "/name" => Response::empty(200).header("bad name", "x"),
        "/early" => Response::empty(103),
        "/unknown" => Response::empty(600),
        "/framed" => Response::bytes(200, "a/b", "abc")
            .header("Content-Length", "5")
            .header("transfer-encoding", "chunked")
            .header("connection", "close"),
        path => panic!("{path}"),
    }
}

fn server() -> Running {
    Running::start(quick(), |request| respond(request))
}

fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

#[test]
fn every_response_is_written_exactly_and_keeps_the_connection() {
    let server = server();
    let mut client = server.connect();
    for (path, head, body) in [
        ("/empty", "202 Accepted\r\nlocation: /v2/\r\ncontent-length: 0", Vec::new()),
        ("/none", "204 No Content", Vec::new()),
        ("/unmodified", "304 Not Modified", Vec::new()),
        ("/bytes", "404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 2", b"{}".to_vec()),
        ("/stream", "206 Partial Content\r\ncontent-type: a/b\r\ncontent-length: 300000", pattern(SIZE)),
        ("/longer", "200 OK\r\ncontent-type: a/b\r\ncontent-length: 10", pattern(10)),
        ("/nothing", "200 OK\r\ncontent-type: a/b\r\ncontent-length: 0", Vec::new()),
        ("/framed", "200 OK\r\ncontent-type: a/b\r\ncontent-length: 3", b"abc".to_vec()),
    ] {
        client.send(request("GET", path));
        let answer = client.answer();
        assert_eq!(answer.head, format!("HTTP/1.1 {head}\r\n\r\n"));
        assert_eq!(answer.body, body, "{path}");
        client.goes_on();
        // HEAD gets the same head, and no body.
        client.send(request("HEAD", path));
        assert_eq!(client.answer_to(true).head, answer.head);
        client.goes_on();
    }
    client.send(request("HEAD", "/size"));
    assert_eq!(client.answer_to(true).header("content-length"), Some("77"));
    client.goes_on();
    // Nothing of a body that fails is read for a HEAD.
    client.send(request("HEAD", "/failing-at-once"));
    assert_eq!(client.answer_to(true).header("content-length"), Some("300000"));
    client.goes_on();
}

#[test]
fn a_body_that_fails_or_ends_early_cuts_the_connection() {
    let server = server();
    for (path, sent) in
        [("/failing", 100_000), ("/failing-at-once", 0), ("/failing-last", SIZE - 1), ("/short", SIZE - 1)]
    {
        let mut client = server.send(request("GET", path) + &request("GET", "/next"));
        assert!(client.head().contains("content-length: 300000\r\n"));
        let (body, end) = client.rest();
        assert!(body.len() as u64 <= sent, "{path}: {}", body.len());
        // With unread input, the system resets the connection, which may discard bytes.
        assert!(end.is_err() || body.len() as u64 == sent, "{path}: {}", body.len());
        assert!(body.iter().all(|byte| *byte == 0), "{path}");
    }
}

#[test]
fn a_response_that_cannot_be_sent_is_a_500() {
    let server = server();
    let mut client = server.connect();
    for path in ["/size", "/injected", "/name", "/early", "/unknown"] {
        client.send(request("GET", path));
        let answer = client.answer();
        assert_eq!(answer.head, "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n", "{path}");
        client.goes_on();
    }
}

#[test]
fn a_client_that_stops_reading_ends_the_stream() {
    let (dropped, drops) = mpsc::channel();
    let dropped = Mutex::new(dropped);
    struct Endless(mpsc::Sender<()>);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            Ok(buffer.len())
        }
    }
    impl Drop for Endless {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let limits = Limits { write_stall: Duration::from_millis(200), ..quick() };
    let server = Running::start(limits, move |_| {
        Response::stream(200, "a/b", u64::MAX, Box::new(Endless(dropped.lock().unwrap().clone())))
    });
    let mut stuck = server.send(request("GET", "/"));
    assert_eq!(stuck.head().lines().nth(2), Some("content-length: 18446744073709551615"));
    drops.recv_timeout(PATIENCE).expect("the stream continues for a client that does not read");
    // The same at once for one that leaves.
    let mut leaving = server.send(request("GET", "/"));
    leaving.head();
    drop(leaving);
    drops.recv_timeout(PATIENCE).expect("the stream continues for a client that has left");
}
