//! Bodies of requests.

use super::*;

const PUT: &str = "PUT /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn chunked_bodies_are_decoded() {
    let (server, _) = echoing(quick());
    for (chunks, body) in [
        ("0\r\n\r\n", ""),
        ("0000000000000000\r\n\r\n", ""),
        ("1\r\na\r\n0\r\n\r\n", "a"),
        ("00b\r\nhello world\r\n0\r\n\r\n", "hello world"),
        ("B\r\nhello world\r\n1\r\n!\r\n0\r\n\r\n", "hello world!"),
        ("3\r\n\r\n0\r\n2\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n"),
        ("1\r\na\r\n0\r\nX-Sum: abc\r\nY:\r\n\r\n", "a"),
    ] {
        let mut client = server.send(format!("{PUT}{chunks}"));
        assert_eq!(client.answer().text(), format!("PUT /b {body}"), "{chunks:?}");
        client.goes_on();
        // The same one byte at a time.
        let mut client = server.send(PUT);
        chunks.bytes().for_each(|byte| client.send([byte]));
        assert_eq!(client.answer().text(), format!("PUT /b {body}"), "{chunks:?}");
        client.goes_on();
    }
}

#[test]
fn malformed_chunks_fail_the_body_and_close_the_connection() {
    let (server, seen) = echoing(quick());
    let long_trailer = format!("0\r\nX: {}\r\n\r\n", "y".repeat(4096));
    for chunks in [
        "\r\n",
        "x\r\n",
        " 1\r\na\r\n0\r\n\r\n",
        "1 \r\na\r\n0\r\n\r\n",
        "+1\r\na\r\n0\r\n\r\n",
        "-1\r\n",
        "0x1\r\na\r\n0\r\n\r\n",
        "1;a=b\r\na\r\n0\r\n\r\n",
        "1\na\r\n0\r\n\r\n",
        "1\r\na\n0\r\n\r\n",
        "1\r\na0\r\n\r\n",
        "1\r\nab\r\n0\r\n\r\n",
        "1\r\na\r\r\n0\r\n\r\n",
        "1\r\na\r\n\r\n",
        "1\r\na\r\n0\n\n",
        "0\r\n\n",
        "0\r\n\rx",
        "0\r\n X: y\r\n\r\n",
        "0\r\nX : y\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: y\u{0}\r\n\r\n",
        "0\r\nX\r\n\r\n",
        "0\r\n: y\r\n\r\n",
        "00000000000000001\r\na\r\n0\r\n\r\n",
        "10000000000000000\r\n",
        "fffffffffffffffff\r\n",
        long_trailer.as_str(),
    ] {
        let mut client = server.connect();
        client.try_send(format!("{PUT}{chunks}GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.status, answer.text()), (400, "InvalidData"), "{chunks:?}");
        assert!(answer.closes(), "{chunks:?}");
        client.closed();
    }
    assert!(seen.lock().unwrap().iter().all(|path| path == "/b"));
}

#[test]
fn a_body_that_is_cut_or_stalls_fails() {
    let (server, _) = echoing(Limits { body_stall: Duration::from_millis(100), ..quick() });
    for start in [
        "PUT /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n",
        "PUT /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcd",
        PUT,
        &format!("{PUT}5\r"),
        &format!("{PUT}5\r\n"),
        &format!("{PUT}5\r\nabcde"),
        &format!("{PUT}ffffffffffffffff\r\nabcde"),
        &format!("{PUT}5\r\nabcde\r\n0\r\n"),
        &format!("{PUT}5\r\nabcde\r\n0\r\nX: y\r\n\r"),
    ] {
        for (half_closes, kind) in [(true, "UnexpectedEof"), (false, "TimedOut")] {
            let mut client = server.send(start);
            if half_closes {
                client.half_close();
            }
            let answer = client.answer();
            assert_eq!((answer.status, answer.text(), answer.closes()), (400, kind, true), "{start:?}");
            client.closed();
        }
    }
}

/// Progress is what counts, not the time of the whole body.
#[test]
fn a_slow_body_is_read_as_long_as_it_makes_progress() {
    let (server, _) = echoing(Limits { body_stall: Duration::from_millis(400), ..quick() });
    let mut client = server.send("PUT /b HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
    for _ in 0..10 {
        thread::sleep(Duration::from_millis(60));
        client.send("x");
    }
    assert_eq!(client.answer().text(), "PUT /b xxxxxxxxxx");
    client.goes_on();
}

#[test]
fn a_failed_body_stays_failed_and_a_complete_one_complete() {
    let server = Running::start(quick(), |request| {
        let mut kinds = Vec::new();
        for _ in 0..4 {
            kinds.push(request.body().read(&mut [0; 8]).map_err(|error| error.kind()));
        }
        Response::text(200, format!("{kinds:?}"))
    });
    // A second look at the last chunk from the middle of it could find a valid one.
    for chunks in ["1\r\na\r\nx", "1\r\na\r\n5x"] {
        let mut client = server.send(format!("{PUT}{chunks}"));
        assert_eq!(client.answer().text(), "[Ok(1), Err(InvalidData), Err(InvalidData), Err(InvalidData)]");
        client.closed();
    }
    let mut client = server.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n123456789");
    assert_eq!(client.answer().text(), "[Ok(8), Ok(1), Ok(0), Ok(0)]");
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.answer().text(), "[Ok(0), Ok(0), Ok(0), Ok(0)]");
}

/// Small reads go through the buffer, large ones past it, in any order.
#[test]
fn reads_of_any_size_yield_the_same_bytes() {
    let body: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    let expected = body.clone();
    let server = Running::start(quick(), move |request| {
        let (mut received, mut size) = (Vec::new(), 1);
        loop {
            let mut piece = vec![0; size];
            match request.body().read(&mut piece).unwrap() {
                0 => break,
                read => received.extend_from_slice(&piece[..read]),
            }
            size = size * 7 % 9973;
        }
        assert_eq!(request.content_length().is_none(), request.header("transfer-encoding").is_some());
        Response::text(200, if received == expected { "same" } else { "different" })
    });
    let mut client = server.send(format!("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len()));
    client.send(&body);
    assert_eq!(client.answer().text(), "same");
    client.send(PUT);
    for chunk in body.chunks(7001) {
        client.send(format!("{:x}\r\n", chunk.len()));
        client.send(chunk);
        client.send("\r\n");
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.answer().text(), "same");
}
