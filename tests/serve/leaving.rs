//! Clients that leave in the middle of a blob.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use s3_build_cache::{Digest, S3Cache};

use super::Serving;
use crate::loopback::{Connection, Loopback};
use crate::s3::blobs::Blobs;
use crate::s3::cache;
use crate::s3_server::Server;

/// Much less than the time limit for a store that sends nothing.
const SOON: Duration = Duration::from_secs(8);

/// A store that has every blob with `size` bytes. It sends the first `sent` bytes of each response, and then nothing.
/// The counter is the number of responses that are stuck.
fn stalled(size: u64, sent: u64) -> (Loopback, Arc<AtomicUsize>) {
    let stuck = Arc::<AtomicUsize>::default();
    let count = stuck.clone();
    let store = Loopback::start(move |mut stream| {
        while let Some(head) = head(&mut stream) {
            if head.starts_with("head ") {
                write!(stream, "HTTP/1.1 200 x\r\ncontent-length: {size}\r\netag: \"1\"\r\n\r\n").unwrap();
                continue;
            }
            let range = head.split("range: bytes=").nth(1).and_then(|rest| rest.lines().next());
            let (first, last) = range.and_then(|range| range.split_once('-')).unwrap_or(("0", ""));
            let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap_or(size - 1));
            let (status, length) = (if range.is_some() { 206 } else { 200 }, last - first + 1);
            let lines =
                format!("content-length: {length}\r\ncontent-range: bytes {first}-{last}/{size}\r\netag: \"1\"");
            let body = vec![0; usize::try_from(length.min(sent)).unwrap()];
            let _ = stream.write_all(&[format!("HTTP/1.1 {status} x\r\n{lines}\r\n\r\n").as_bytes(), &body].concat());
            count.fetch_add(1, Ordering::SeqCst);
            let _ = stream.read(&mut [0]);
            count.fetch_sub(1, Ordering::SeqCst);
            return;
        }
    });
    (store, stuck)
}

/// Reads the head of a request, in lower case.
fn head(stream: &mut Connection) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        (stream.read(&mut byte).ok()? == 1).then(|| head.push(byte[0]))?;
    }
    Some(String::from_utf8(head).unwrap().to_ascii_lowercase())
}

/// Requests a blob from the byte `from` on.
fn request(serving: &Serving, digest: &Digest, from: u64) -> TcpStream {
    let mut stream = TcpStream::connect(serving.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let range = if from > 0 { format!("Range: bytes={from}-\r\n") } else { String::new() };
    write!(stream, "GET /v2/cache/blobs/{digest} HTTP/1.1\r\nHost: {}\r\n{range}\r\n", serving.address).unwrap();
    stream
}

#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A small blob is read by the thread that answers, as a whole before that, and a large one by several. A part of a blob
/// is answered once the bytes before it are hashed.
#[test]
fn a_client_that_leaves_a_stalled_store_ends_the_reads() {
    for (size, sent, from) in [
        (2 << 20, 0, 0),
        (2 << 20, 300_000, 0),
        (64 << 20, 0, 0),
        (64 << 20, 300_000, 0),
        (64 << 20, 300_000, 2_000_000),
    ] {
        let (store, stuck) = stalled(size, sent);
        let attributes = format!(
            "type=s3,bucket=bucket,region=r,endpoint_url={},access_key_id=AK,secret_access_key=SK",
            store.url()
        );
        let serving = Serving::names(S3Cache::open(&attributes.parse().unwrap()).unwrap());
        let mut client = request(&serving, &Digest::of(b"x"), from);
        if size > 8 << 20 && sent > from {
            client.read_exact(&mut [0; 1000]).unwrap();
        }
        until("the store is asked", || stuck.load(Ordering::SeqCst) > 0);
        // The read does not end by itself.
        std::thread::sleep(Duration::from_millis(1500));
        assert!(stuck.load(Ordering::SeqCst) > 0, "{size} {sent} {from}");
        drop(client);
        until("the reads end", || stuck.load(Ordering::SeqCst) == 0);
        assert_eq!(serving.stop().failures, 0, "{size} {sent} {from}");
    }
}

#[test]
fn a_client_that_has_closed_its_side_gets_the_whole_blob() {
    let server = Server::start();
    let blobs = Blobs::of(&[3_000_000]);
    blobs.put_into(&server);
    let serving = Serving::names(cache(&server, ""));
    let mut client = request(&serving, &blobs.digest(), 0);
    client.shutdown(Shutdown::Write).unwrap();
    let mut response = Vec::new();
    client.read_to_end(&mut response).unwrap();
    assert!(response.ends_with(&blobs.bytes[&blobs.digest()]));
}
