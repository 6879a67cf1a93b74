//! Responses that are sent before the body of the request was read.

use super::*;

fn put(size: u64) -> String {
    format!("PUT /upload HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n")
}

/// A client may send on, look for a response only then, and take a failed write for a lost connection.
#[test]
fn a_client_in_the_middle_of_a_large_upload_reads_the_refusal() {
    let server = Running::start(Limits { linger: PATIENCE, ..quick() }, |_| Response::text(413, "too large\n"));
    let mut client = server.send(put(1 << 30));
    let piece = vec![b'x'; 1 << 20];
    (0..32).for_each(|_| client.send(&piece));
    let answer = client.answer();
    assert_eq!((answer.status, answer.text(), answer.closes()), (413, "too large\n", true));
    client.closed();
}

#[test]
fn the_rest_of_a_large_body_is_drained_for_a_limited_time_only() {
    let server = Running::start(quick(), |_| Response::empty(403));
    let mut client = server.send(put(1 << 40));
    assert_eq!(client.answer().status, 403);
    let begun = Instant::now();
    // Without a pause, in which the server would only notice that nothing arrives.
    let piece = vec![0; 1 << 20];
    while client.0.write_all(&piece).is_ok() && begun.elapsed() < PATIENCE {}
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
}

#[test]
fn a_small_rest_is_discarded_and_the_connection_kept() {
    let server = Running::start(quick(), |request| match request.path.as_str() {
        "/next" => Response::text(200, "GET /next"),
        "/part" => {
            let _ = request.body().read(&mut [0; 2]).unwrap();
            Response::empty(400)
        }
        _ => Response::empty(400),
    });
    let hidden = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";
    for path in ["/none", "/part"] {
        let head = format!("POST {path} HTTP/1.1\r\nHost: h\r\n");
        let small = format!("{head}Content-Length: {}\r\n\r\n{hidden}", hidden.len());
        let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
        let full = format!("{head}Content-Length: 65536\r\n\r\n{}", "x".repeat(65536));
        for request in [small, chunked, full] {
            let mut client = server.send(request);
            let answer = client.answer();
            assert_eq!((answer.status, answer.closes()), (400, false));
            client.goes_on();
        }
    }
}

#[test]
fn a_rest_that_is_large_late_or_malformed_closes_the_connection() {
    let limits = Limits { settle_time: Duration::from_millis(100), ..quick() };
    let server = Running::start(limits, |_| Response::empty(400));
    let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for request in [
        put(65537) + &"x".repeat(65537),
        put(1),
        chunked.to_owned(),
        format!("{chunked}x\r\n"),
        format!("{chunked}12000\r\n{}\r\n0\r\n\r\n", "x".repeat(0x12000)),
        format!("{chunked}1\r\na\r\n"),
    ] {
        let mut client = server.connect();
        client.try_send(&request);
        let answer = client.answer();
        assert_eq!((answer.status, answer.closes()), (400, true), "{:?}", &request[..60]);
        client.closed();
    }
}

/// The rest of a refused body is never taken for a request.
#[test]
fn a_request_in_the_unread_rest_of_a_body_is_not_served() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let paths = Arc::clone(&seen);
    let server = Running::start(quick(), move |request| {
        paths.lock().unwrap().push(request.path.clone());
        Response::empty(413)
    });
    let mut client = server.connect();
    client.try_send(put(1 << 20) + &"GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n".repeat(1000));
    assert_eq!(client.answer().status, 413);
    client.closed();
    assert_eq!(*seen.lock().unwrap(), ["/upload"]);
}
