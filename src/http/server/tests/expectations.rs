//! `Expect: 100-continue`.

use super::*;

fn put(version: &str, length: usize, expect: &str) -> String {
    format!("PUT /e HTTP/{version}\r\nHost: h\r\nContent-Length: {length}\r\nExpect: {expect}\r\n\r\n")
}

#[test]
fn the_first_read_of_the_body_sends_100_continue() {
    let (server, _) = echoing(quick());
    for expect in ["100-continue", "100-Continue"] {
        let mut client = server.send(put("1.1", 3, expect));
        assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("abc");
        assert_eq!(client.answer().text(), "PUT /e abc");
        client.goes_on();
    }
    let mut client =
        server.send("PUT /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer().status, 100);
    client.send("1\r\na\r\n0\r\n\r\n");
    assert_eq!(client.answer().text(), "PUT /e a");
    client.goes_on();
}

#[test]
fn a_client_that_does_not_wait_gets_no_100_continue() {
    let (server, _) = echoing(quick());
    let mut client = server.send(put("1.1", 3, "100-continue") + "abc");
    assert_eq!(client.answer().status, 200);
    client.goes_on();
    let mut client = server.send(put("1.1", 0, "100-continue"));
    assert_eq!(client.answer().status, 200);
    client.goes_on();
}

#[test]
fn http_1_0_gets_no_100_continue() {
    let (server, _) = echoing(quick());
    let mut client = server.send(put("1.0", 3, "100-continue"));
    thread::sleep(Duration::from_millis(50));
    client.send("abc");
    assert_eq!(client.answer().text(), "PUT /e abc");
    client.closed();
}

#[test]
fn other_expectations_are_refused() {
    let (server, seen) = echoing(quick());
    for expect in ["100-continue, x", "x", "", "200-ok", "100-continue;q=1"] {
        let mut client = server.send(put("1.1", 3, expect));
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (417, true), "{expect:?}");
        client.closed();
    }
    assert_eq!(*seen.lock().unwrap(), [""; 0]);
}

/// The client may send the body or not after a final response, so nothing after it can be trusted.
#[test]
fn a_refusal_sends_no_100_continue_and_closes() {
    let server = Running::start(quick(), |_| Response::text(401, "who are you?"));
    for length in [1, 3, 1 << 30] {
        let mut client = server.send(put("1.1", length, "100-continue"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (401, true));
        client.closed();
    }
    let mut client = server.send(put("1.1", 34, "100-continue") + "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.answer().status, 401);
    client.closed();
}
