//! Checks the effect of each fault on the wire.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::super::raw::{Reply, Request, connect, receive, send, send_on};
use super::super::{At, Config, Failure, Fault, Match, Operation, Server, Then};

fn server_with(body: &[u8]) -> Server {
    let server = Server::start();
    server.put_object("k", body);
    server
}

fn get(server: &Server) -> Request {
    Request::new("GET", "/cache/k").signed(server)
}

fn put(server: &Server, body: &[u8]) -> Request {
    Request::new("PUT", "/cache/new").header("content-type", "text/plain").body(body).signed(server)
}

/// Reads a connection to its end. Returns the remaining bytes, or the error.
fn end_of(mut stream: &TcpStream) -> Result<Vec<u8>, ErrorKind> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).map(|_| rest).map_err(|error| error.kind())
}

#[test]
fn faults_hit_the_requests_they_are_for() {
    let server = server_with(b"x");
    server.fault(Match::method("GET").key("k").nth(2).times(2), Fault::slow_down());
    server.fault(Match::operation(Operation::HeadObject).always(), Fault::internal_error());
    server.fault(Match::any().key("elsewhere"), Fault::slow_down());
    let statuses: Vec<u16> = (0..4).map(|_| send(&server, &get(&server)).unwrap().status).collect();
    assert_eq!(statuses, [200, 503, 503, 200]);
    let head = Request::new("HEAD", "/cache/k").signed(&server);
    assert_eq!([500, 500], [0; 2].map(|_| send(&server, &head).unwrap().status));
    assert_eq!(server.pending_faults(), 1);
    server.clear_faults();
    assert_eq!(send(&server, &head).unwrap().status, 200);
}

#[test]
fn responses_are_replaced() {
    let server = server_with(b"0123456789");
    let faulted = |fault: Fault| -> Reply {
        server.fault(Match::any(), fault);
        send(&server, &Request::new("GET", "/cache/k").header("range", "bytes=2-4").signed(&server)).unwrap()
    };
    for (fault, status, code) in [
        (Fault::error_in_200(), 200, "InternalError"),
        (Fault::too_many_requests(), 429, "TooManyRequests"),
        (Fault::expired_token(), 400, "ExpiredToken"),
        (Fault::wrong_region("mars-1"), 301, "PermanentRedirect"),
        (Fault::redirect("http://elsewhere/"), 307, "TemporaryRedirect"),
        (Fault::Html(403), 403, ""),
        (Fault::ReplyAfter(Failure::new(500, "InternalError", "late")), 500, "InternalError"),
        (Fault::ClockAhead(20), 403, "RequestTimeTooSkewed"),
        (Fault::ignore_range(), 200, ""),
        (Fault::other_etag(), 206, ""),
    ] {
        let reply = faulted(fault.clone());
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{fault:?}");
    }
    assert_eq!(faulted(Fault::slow_down_for("retry-after", "7")).header("retry-after"), Some("7"));
    let redirected = faulted(Fault::wrong_region("mars-1"));
    assert_eq!((redirected.header("location"), redirected.header("x-amz-bucket-region")), (None, Some("mars-1")));
    assert_eq!(faulted(Fault::other_etag()).header("etag"), Some("\"another\""));
    assert_eq!(faulted(Fault::content_range("bytes 0-2/10")).header("content-range"), Some("bytes 0-2/10"));
    assert_eq!(faulted(Fault::Header("last-modified", None)).header("last-modified"), None);
    assert_eq!(faulted(Fault::Html(200)).header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(faulted(Fault::ignore_range()).text(), "0123456789");
    assert_eq!(faulted(Fault::Corrupt(1)).text(), "224");
    assert_eq!(faulted(Fault::EmptyBody).text(), "");
    assert!(faulted(Fault::huge_error(100_000)).body.len() > 100_000);
    assert!(faulted(Fault::MoreHeaders { count: 200, length: 100 }).headers.len() > 200);
}

#[test]
fn bodies_are_truncated() {
    let server = server_with(&[7; 1000]);
    for (fault, length, received, end) in [
        (Fault::Truncate(10), Some("1000"), 10, Ok(())),
        (Fault::TruncateUnannounced(10), None, 10, Ok(())),
        (Fault::Reset(At::ResponseBody(10)), Some("1000"), 10, Err(ErrorKind::ConnectionReset)),
        (Fault::Reset(At::Answered), Some("1000"), 1000, Err(ErrorKind::ConnectionReset)),
        (Fault::CloseAfter, Some("1000"), 1000, Ok(())),
    ] {
        server.fault(Match::any(), fault.clone());
        let stream = connect(&server);
        (&stream).write_all(&get(&server).head_bytes()).unwrap();
        let head = receive(&stream, true).unwrap();
        assert_eq!(head.header("content-length"), length, "{fault:?}");
        let mut body = vec![0; received];
        (&stream).read_exact(&mut body).unwrap();
        assert_eq!(end_of(&stream), end.map(|()| Vec::new()), "{fault:?}");
    }
    server.fault(Match::any(), Fault::Overlong(5));
    let request = Request::new("GET", "/cache/k").header("connection", "close");
    let stream = connect(&server);
    let reply = send_on(&stream, &request.signed(&server)).unwrap();
    assert_eq!((reply.body.len(), end_of(&stream)), (1000, Ok(b"xxxxx".to_vec())));
}

#[test]
fn connections_break_before_the_response() {
    let server = server_with(b"x");
    for (fault, kind, stored) in [
        (Fault::Reset(At::Head), ErrorKind::ConnectionReset, false),
        (Fault::Reset(At::RequestBody(3)), ErrorKind::ConnectionReset, false),
        (Fault::Reset(At::Done), ErrorKind::ConnectionReset, true),
        (Fault::EmptyReply, ErrorKind::UnexpectedEof, true),
    ] {
        server.fault(Match::any(), fault.clone());
        let error = send(&server, &put(&server, b"hello")).unwrap_err();
        assert_eq!(error.kind(), kind, "{fault:?}");
        assert_eq!(server.remove("new"), stored, "{fault:?}");
        assert_eq!(server.take_requests()[0].status, 0);
    }
}

#[test]
fn an_idle_connection_is_reset_under_the_next_request() {
    let server = server_with(b"x");
    server.fault(Match::any(), Fault::ResetNext);
    let stream = connect(&server);
    assert_eq!(send_on(&stream, &get(&server)).unwrap().status, 200);
    let error = send_on(&stream, &get(&server)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_response_is_sent_before_the_body_is_read() {
    let server = server_with(b"x");
    let mut request = put(&server, &[7; 100_000]);
    let body = std::mem::take(&mut request.body);

    server.fault(Match::any(), Fault::early_denied(Then::HoldOpen));
    let held = connect(&server);
    assert_eq!(send_on(&held, &request).unwrap().code(), "AccessDenied");

    server.fault(Match::any(), Fault::early_slow_down(Then::Reset));
    let stream = connect(&server);
    assert_eq!(send_on(&stream, &request).unwrap().status, 503);
    assert_eq!(end_of(&stream), Err(ErrorKind::ConnectionReset));

    server.fault(Match::any(), Fault::early_denied(Then::Drain));
    let stream = connect(&server);
    assert_eq!(send_on(&stream, &request).unwrap().status, 403);
    (&stream).write_all(&body).unwrap();
    assert_eq!(send_on(&stream, &get(&server)).unwrap().status, 200);
    assert_eq!(server.keys(), ["k"]);
}

#[test]
fn an_expectation_is_ignored() {
    let server = Server::start();
    server.fault(Match::any(), Fault::NoContinue);
    let request = Request::new("PUT", "/cache/new").body(b"hello").signed(&server).header("expect", "100-continue");
    assert_eq!(send(&server, &request).unwrap().status, 200);
}

#[test]
fn delays_and_slow_bodies_take_time_and_end_with_the_server() {
    let server = server_with(b"0123456789");
    let started = Instant::now();
    server.fault(Match::any(), Fault::Delay(Duration::from_millis(20)));
    server.fault(Match::any(), Fault::Drip { bytes: 100, every: Duration::from_millis(10) });
    assert_eq!(send(&server, &get(&server)).unwrap().text(), "0123456789");
    assert!(started.elapsed() >= Duration::from_millis(40));

    server.fault(Match::any().always(), Fault::Delay(Duration::from_secs(3600)));
    let stream = connect(&server);
    (&stream).write_all(&get(&server).head_bytes()).unwrap();
    while server.requests().len() < 2 {
        std::thread::yield_now();
    }
    drop(server);
    assert_eq!(end_of(&stream), Ok(Vec::new()));
}

#[test]
fn a_fault_does_not_hide_a_broken_rule() {
    let server = Server::with(Config { region: "here-1".into(), ..Config::default() });
    server.fault(Match::any(), Fault::slow_down());
    let request = Request::new("GET", "/cache/k").signed(&server).header("x-amz-meta-a", "unsigned");
    assert_eq!(send(&server, &request).unwrap().status, 503);
    assert_eq!(server.requests()[0].refused.as_deref(), Some("AccessDenied"));
}
