//! Requests whose end another server may see elsewhere.

use super::*;

/// A second request, which a body or a header could hide.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";

/// Sends a request that must be refused with this status, followed by another one.
fn refused(server: &Running, request: &str, status: u16) {
    let mut client = server.connect();
    client.try_send([request.as_bytes(), HIDDEN.as_bytes()].concat());
    let answer = client.answer_to(request.trim_start().starts_with("HEAD "));
    assert_eq!(answer.status, status, "{request:?}: {answer:?}");
    assert!(answer.closes(), "{request:?}");
    client.closed();
}

fn every_one_is_refused(cases: &[(&str, u16)]) {
    let (server, seen) = echoing(quick());
    for (request, status) in cases {
        refused(&server, request, *status);
        assert_eq!(*seen.lock().unwrap(), [""; 0], "{request:?}");
    }
}

#[test]
fn ambiguous_lengths_are_refused() {
    let headers = [
        "Content-Length: 0\r\nContent-Length: 0",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: 0x5",
        "Content-Length: 5 0",
        "Content-Length: 5;",
        "Content-Length: \"5\"",
        "Content-Length:",
        "Content-Length: ٥",
        "Content-Length: 18446744073709551616",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: 'chunked'",
        "Transfer-Encoding:",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding: chunked\u{0}",
        "Transfer-Encoding: chunked\u{a0}",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding\r\n: chunked",
        "Transfer-Encoding:\r\n chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\r\r\nTransfer-Encoding: chunked",
        "Transfer Encoding: chunked",
        "Transfer-Encoding\u{0}: chunked",
        ": chunked",
        "chunked",
    ];
    let requests: Vec<String> =
        headers.iter().map(|header| format!("POST / HTTP/1.1\r\nHost: h\r\n{header}\r\n\r\n")).collect();
    every_one_is_refused(&requests.iter().map(|request| (request.as_str(), 400)).collect::<Vec<_>>());
}

#[test]
fn bodies_are_refused_where_implementations_disagree() {
    every_one_is_refused(&[
        ("HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", 400),
        ("HEAD / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ]);
}

#[test]
fn malformed_request_lines_are_refused() {
    let lines = [
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / HTTP/1.2",
        "GET / HTTP/0.9",
        "GET / HTTP/2.0",
        "GET / HTTP/1.10",
        "GET / HTTP/01.1",
        "GET / http/1.1",
        "GET / HTTPS/1.1",
        "GET /",
        "GET",
        "GET HTTP/1.1",
        "G:T / HTTP/1.1",
        "G\u{1}T / HTTP/1.1",
        "GET /\u{0} HTTP/1.1",
        "GET /a\u{7f} HTTP/1.1",
        "GET / HTTP/1.1\n",
        "GET / HTTP/1.1\rX: y",
        "GET / HTTP/1.1\r\r",
        " GET / HTTP/1.1",
        "get / HTTP/1.1",
        "\r\n\r\nGET / HTTP/1.1",
        "\nGET / HTTP/1.1",
        "\rGET / HTTP/1.1",
        "PRI * HTTP/2.0",
    ];
    let requests: Vec<String> = lines.iter().map(|line| format!("{line}\r\nHost: h\r\n\r\n")).collect();
    every_one_is_refused(&requests.iter().map(|request| (request.as_str(), 400)).collect::<Vec<_>>());
}

#[test]
fn targets_with_two_readings_are_refused() {
    let targets = [
        "http://h/",
        "http://other/",
        "h:80",
        "*",
        "a",
        "?a",
        "//",
        "//h/a",
        "/a//b",
        "/a/../b",
        "/..",
        "/../",
        "/a/./b",
        "/a/.",
        "/a/%2e%2e/b",
        "/a/.%2E",
        "/a%2f..%2fb",
        "/a%2f/b",
        "/a/%2fb",
        "/a#b",
        "/a?b#c",
        "/\\",
        "/a\\..\\b",
        "/é",
        "/a?é",
        "/%",
        "/%4",
        "/%4g",
        "/%00",
        "/%0d%0aX:%20y",
        "/a?%",
        "/a?b=%zz",
        "/<a>",
        "/\"",
        "/a|b",
    ];
    let requests: Vec<String> =
        targets.iter().map(|target| format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")).collect();
    every_one_is_refused(&requests.iter().map(|request| (request.as_str(), 400)).collect::<Vec<_>>());
}

#[test]
fn only_listed_hosts_are_answered() {
    let unlisted = ["other", "h.", "h:", "h:x", "h@h", "hh", "other:80", "h, h", "localhost", "h:80:80", "[::1]"];
    let unlisted = unlisted.map(|host| (format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"), 421));
    let invalid = ["Host: h\r\nHost: h", "Host: h\r\nhost: other", "Host:", "X: y", "Host : h"];
    let invalid = invalid.map(|host| (format!("GET / HTTP/1.1\r\n{host}\r\n\r\n"), 400));
    let cases: Vec<_> = unlisted.iter().chain(&invalid).map(|(request, status)| (request.as_str(), *status)).collect();
    every_one_is_refused(&cases);
    every_one_is_refused(&[
        ("GET / HTTP/1.0\r\n\r\n", 400),
        ("HEAD / HTTP/1.1\r\nHost: other\r\n\r\n", 421),
        ("\r\nHEAD / HTTP/1.1\r\nHost: other\r\n\r\n", 421),
    ]);
    let (server, _) = echoing(quick());
    for host in ["h", "H", "h:80", "h:5055", &server.address.to_string()] {
        assert_eq!(server.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).answer().status, 200, "{host}");
    }
}

#[test]
fn headers_that_must_be_unique_are_refused_if_repeated() {
    for name in ["Authorization", "Content-Range", "Content-Type", "Expect", "Range"] {
        let request = format!("GET / HTTP/1.1\r\nHost: h\r\n{name}: 100-continue\r\n{name}: 100-continue\r\n\r\n");
        every_one_is_refused(&[(&request, 400)]);
    }
}

/// The unusual forms that have one reading.
#[test]
fn what_is_not_ambiguous_is_served() {
    let (server, seen) = echoing(quick());
    for (request, body) in [
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / "),
        ("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / "),
        ("GET /a/ HTTP/1.1\r\nhost:h\r\n\r\n", "GET /a/ "),
        ("GET /a..b/...?c=//../ HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a..b/... "),
        ("GET /a%3Ab HTTP/1.1\r\nHost:\th \t\r\n\r\n", "GET /a%3Ab "),
        ("PUT / HTTP/1.1\r\nHost: h\r\n\r\n", "PUT / "),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "POST / "),
        ("PATCH / HTTP/1.1\r\nHost: h\r\nContent-Length: 003\r\n\r\nabc", "PATCH / abc"),
        ("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "GET / abc"),
        ("DELETE / HTTP/1.1\r\nHost: h\r\ncontent-length:3\r\n\r\nabc", "DELETE / abc"),
        ("PUT / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "PUT / abc"),
        ("PURGE / HTTP/1.1\r\nHost: h\r\nX-é: y\r\n\r\n", "400"),
        ("PURGE / HTTP/1.1\r\nHost: h\r\nX: é\r\n\r\n", "PURGE / "),
        ("GET / HTTP/1.1\r\nHost: h\r\nX:\r\nTransfer_Encoding: chunked\r\n\r\n", "GET / "),
    ] {
        let mut client = server.send(request);
        let answer = client.answer();
        if body == "400" {
            assert_eq!(answer.status, 400);
            continue;
        }
        assert_eq!((answer.status, answer.text()), (200, body), "{request:?}");
        client.goes_on();
    }
    assert!(seen.lock().unwrap().len() > 20);
}
