//! The arrival of heads: whole, in pieces, too late, too large, or not HTTP at all.

use super::*;

#[test]
fn a_client_that_does_not_speak_http_1_is_answered_at_once() {
    // The client sees the end before the server stops waiting for it.
    let (server, seen) = echoing(Limits { linger: PATIENCE * 2, ..quick() });
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec();
    for bytes in [
        &hello[..1],
        &hello,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00",
        b"\r\n\x16",
        b"SSH-2.0-x\r\n\r\n",
        b"{\"a\":1}",
        b"GET / HTTP/1.1\nHost",
        b"GET / HTTP/1.1\r\nHost: h\r\n folded",
        b"GET /\x00",
    ] {
        let mut client = server.send(bytes);
        let answer = client.answer();
        assert!(answer.head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{}", answer.head);
        assert!(answer.closes());
        client.closed();
    }
    assert_eq!(*seen.lock().unwrap(), [""; 0]);
}

#[test]
fn a_head_may_arrive_byte_by_byte() {
    let (server, _) = echoing(quick());
    let mut client = server.connect();
    for byte in b"\r\nPUT /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab" {
        client.send([*byte]);
    }
    assert_eq!(client.answer().text(), "PUT /slow ab");
    client.goes_on();
}

#[test]
fn a_head_that_takes_too_long_is_refused_however_it_drips() {
    let (server, seen) = echoing(Limits { head_time: Duration::from_millis(300), ..quick() });
    let mut client = server.send("GET / HTTP/1.1\r\nHost: h\r\nX: ");
    let mut other = client.0.try_clone().unwrap();
    let dripping = thread::spawn(move || {
        while other.write_all(b"y").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let answer = client.answer();
    assert_eq!((answer.status, answer.closes()), (408, true));
    client.closed();
    dripping.join().unwrap();
    assert_eq!(*seen.lock().unwrap(), [""; 0]);
}

#[test]
fn heads_that_are_too_large_are_refused_before_they_end() {
    let (server, seen) = echoing(quick());
    let long = "a".repeat(32 * 1024);
    let many = "A: b\r\n".repeat(100);
    for (request, status) in [
        (format!("GET /{long}"), 414),
        (format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n"), 414),
        (long.clone(), 400),
        (long.to_uppercase(), 414),
        (format!("GET / HTTP/1.1\r\nHost: h\r\nX: {long}"), 431),
        (format!("GET / HTTP/1.1\r\nHost: h\r\n{long}: x"), 431),
        (format!("GET / HTTP/1.1\r\n{}", "Abcd: efgh\r\n".repeat(3000)), 431),
        (format!("GET / HTTP/1.1\r\nHost: h\r\n{many}"), 431),
    ] {
        let mut client = server.connect();
        client.try_send(&request);
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (status, true), "{}", &request[..40]);
        client.closed();
    }
    assert_eq!(*seen.lock().unwrap(), [""; 0]);
    let most = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(99));
    assert_eq!(server.send(most).answer().status, 200);
    let start = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
    let largest = format!("{start}{}\r\n\r\n", "a".repeat(32 * 1024 - start.len() - 4));
    assert_eq!(server.send(largest).answer().status, 200);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (server, _) = echoing(quick());
    let requests = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\
        PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc\
        PUT /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX: y\r\n\r\n\
        HEAD /4 HTTP/1.1\r\nHost: h\r\n\r\n\r\n\
        GET /5 HTTP/1.1\r\nHost: h\r\nConnection: Keep-Alive, Close\r\n\r\n\
        GET /6 HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut client = server.send(requests);
    for (to_head, text) in [(false, "GET /1 "), (false, "PUT /2 abc"), (false, "PUT /3 ab"), (true, "")] {
        let answer = client.answer_to(to_head);
        assert_eq!((answer.status, answer.text(), answer.closes()), (200, text, false));
    }
    let last = client.answer();
    assert_eq!((last.text(), last.closes()), ("GET /5 ", true));
    client.closed();
}

#[test]
fn http_1_0_gets_one_response() {
    let (server, _) = echoing(quick());
    let mut client = server.send("GET /old HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
    let answer = client.answer();
    assert_eq!((answer.text(), answer.closes()), ("GET /old ", true));
    client.closed();
}

#[test]
fn a_client_that_has_closed_its_side_gets_its_responses() {
    let (server, _) = echoing(quick());
    let mut client = server.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    client.half_close();
    assert_eq!(client.answer().text(), "GET /1 ");
    assert_eq!(client.answer().text(), "GET /2 ");
    client.closed();
    let mut client = server.send("GET /1 HTTP/1.1\r\nHo");
    client.half_close();
    assert_eq!(client.answer().status, 400);
    client.closed();
    let mut client = server.connect();
    client.half_close();
    client.closed();
}

#[test]
fn the_handler_sees_the_request_as_it_was_sent() {
    let server = Running::start(quick(), |request| {
        assert_eq!(request.method, Method::Other("PURGE".to_owned()));
        assert_eq!((request.path.as_str(), request.query.as_deref()), ("/v2/a%20b", Some("c=d%20e?f")));
        assert_eq!((request.header("x-one"), request.header("X-One")), (Some("1  2"), None));
        assert_eq!(request.headers.all("x-two").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(request.content_length(), Some(0));
        assert!(!format!("{:?}", request.headers).contains("1  2"));
        Response::empty(204)
    });
    let mut client = server.connect();
    client.send("PURGE /v2/a%20b?c=d%20e?f HTTP/1.1\r\nHost: h\r\nX-One:  1  2 \r\nX-Two: a\r\nx-two: b\r\n\r\n");
    assert_eq!(client.answer().status, 204);
}
