//! URLs that need no credentials.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use s3_build_cache::ErrorKind;
use s3_build_cache::object::ObjectStore;

use super::{Quirks, put};

/// The status and the body of a plain GET.
pub(crate) fn fetch(url: &str) -> (u16, Vec<u8>) {
    let rest = url.strip_prefix("http://").expect("plain HTTP");
    let (host, target) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET /{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("an empty line") + 4;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_off(end))
}

pub(super) fn run(store: &dyn ObjectStore, quirks: &Quirks, prefix: &str) {
    let key = &format!("{prefix}presigned/a b+c~/é");
    put(store, key, b"for everyone");
    let url = store.presign_get(key, Duration::from_secs(300));
    if let Some(url) = quirks.presign.supports(url, "presign") {
        assert_eq!(fetch(&url), (200, b"for everyone".to_vec()));
        let (forged, _) = fetch(&url.replace("X-Amz-Expires=300", "X-Amz-Expires=301"));
        assert_eq!(forged, 403);
        for valid_for in [Duration::ZERO, Duration::from_millis(999), Duration::from_secs(7 * 24 * 3600 + 1)] {
            assert_eq!(store.presign_get(key, valid_for).unwrap_err().kind(), ErrorKind::Usage);
        }
        let absent = store.presign_get(&format!("{key}-absent"), Duration::from_secs(7 * 24 * 3600)).unwrap();
        assert_eq!(fetch(&absent).0, 404);
    }
    store.delete(key).unwrap();
}
