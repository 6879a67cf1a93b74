//! The parts that do no I/O.

use super::super::host::Hosts;
use super::*;

#[test]
fn a_scan_gives_the_same_result_however_the_bytes_are_split() {
    for (input, expected) in [
        ("GET / HTTP/1.1\r\n\r\nrest", Ok(Some(18))),
        ("\r\nGET / HTTP/1.1\r\na: b\r\n\r\n", Ok(Some(26))),
        ("GET / HTTP/1.1\r\n", Ok(None)),
        ("", Ok(None)),
        ("\r", Ok(None)),
        ("GET / HTTP/1.1\r\na: b\r\nc: d\r\ne: f\r\n", Err(431)),
        ("GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Err(414)),
        ("GET /\n", Err(400)),
    ] {
        for step in 1..=input.len().max(1) {
            let mut scan = HeadScan::new(40, 2);
            let mut result = Ok(None);
            for end in (step..input.len() + step).step_by(step) {
                result = scan.advance(&input.as_bytes()[..end.min(input.len())]);
                if !matches!(result, Ok(None)) {
                    break;
                }
            }
            assert_eq!(result.map_err(|rejection| rejection.status), expected, "{input:?} by {step}");
        }
    }
}

/// Independently of the check that no header of the kind is repeated.
#[test]
fn a_framing_is_refused_if_headers_contradict_or_repeat_each_other() {
    const LENGTH: (&str, &str) = ("content-length", "5");
    const CHUNKED: (&str, &str) = ("transfer-encoding", "chunked");
    for (headers, expected) in [
        ([].as_slice(), Ok(Framing::Length(0))),
        (&[LENGTH], Ok(Framing::Length(5))),
        (&[CHUNKED], Ok(Framing::Chunked)),
        (&[LENGTH, LENGTH], Err(400)),
        (&[CHUNKED, CHUNKED], Err(400)),
        (&[LENGTH, CHUNKED], Err(400)),
        (&[CHUNKED, LENGTH], Err(400)),
    ] {
        let mut all = Headers::default();
        headers.iter().for_each(|(name, value)| all.push((*name).to_owned(), (*value).to_owned()));
        let framing = |method, is_1_0| Framing::of(&method, is_1_0, &all).map_err(|rejection| rejection.status);
        assert_eq!(framing(Method::Put, false), expected, "{headers:?}");
        assert_eq!(framing(Method::Head, false).is_ok(), headers.is_empty(), "{headers:?}");
        assert_eq!(framing(Method::Put, true).is_ok(), expected.is_ok() && expected != Ok(Framing::Chunked));
    }
}

#[test]
fn a_host_without_a_port_is_answered_on_every_port() {
    let hosts = Hosts::new(["h", "127.0.0.1:5055", "[::1]:5055", "[::1]"].map(str::to_owned).to_vec());
    for (host, listed) in [
        ("h", true),
        ("h:1", true),
        ("127.0.0.1:5055", true),
        ("127.0.0.1:5056", false),
        ("127.0.0.1", false),
        ("[::1]:5055", true),
        ("[::1]:1", true),
        ("[::1]", true),
        ("[:", false),
        ("", false),
        (":5055", false),
        ("h:1:1", false),
    ] {
        assert_eq!(hosts.check(host).is_ok(), listed, "{host}");
    }
    assert!(Hosts::new(Vec::new()).check("h").is_err());
}

#[test]
fn the_data_of_a_chunk_is_reported_until_it_is_consumed() {
    let mut chunks = Chunked::new();
    assert_eq!(chunks.advance(b"10\r\nabc"), Ok((4, Next::Data(16))));
    chunks.consume(3);
    assert_eq!(chunks.advance(b""), Ok((0, Next::Data(13))));
    chunks.consume(13);
    assert_eq!(chunks.advance(b"\r\n0\r\n\r\nGET"), Ok((7, Next::End)));
    assert_eq!(chunks.advance(b"GET"), Ok((0, Next::End)));
    assert_eq!(Chunked::new().advance(b"ffffffffffffffff\r\n"), Ok((18, Next::Data(u64::MAX))));
    assert_eq!(Chunked::new().advance(b"1;"), Err(Malformed));
}
