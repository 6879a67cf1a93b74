//! A store that accepts connections and never answers.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use s3_build_cache::{CacheOptions, Cancel, Digest, S3Cache};

use crate::run::caches::{Usable, tried};
use crate::run::serving::Address;

/// Returns the store, whose connections nobody reads, and a cache in it.
fn silent(cancel: &Cancel) -> (TcpListener, S3Cache) {
    let store = TcpListener::bind("127.0.0.1:0").unwrap();
    let options: CacheOptions = format!(
        "type=s3,bucket=bucket,region=r,endpoint_url=http://{},access_key_id=AK,secret_access_key=SK",
        store.local_addr().unwrap()
    )
    .parse()
    .unwrap();
    let cache = S3Cache::builder(&options).cancel(cancel.clone()).open().unwrap();
    (store, cache)
}

#[test]
fn the_command_starts_although_the_store_never_answers() {
    let cancel = Cancel::new();
    let (_store, cache) = silent(&cancel);
    let begun = Instant::now();
    for write in [false, true] {
        let error = tried(cache.clone(), write, Duration::from_millis(200)).unwrap_err();
        assert!(error.to_string().contains("did not answer within"), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    cancel.cancel();
}

#[test]
fn the_program_ends_although_the_store_never_answers() {
    let blob = [7; 1000];
    for write in [false, true] {
        let cancel = Cancel::new();
        let (store, cache) = silent(&cancel);
        let usable = if write { Usable::Write(Box::new(cache)) } else { Usable::Read(vec![cache]) };
        let address = Address::bind(None).unwrap();
        let reference = address.reference("r");
        let (authority, repository) = reference.split_once('/').unwrap();
        let serving = address.serve(vec![("r".to_owned(), usable)]).unwrap();
        let (method, path) = match write {
            true => ("POST", format!("blobs/uploads/?digest={}", Digest::of(&blob))),
            false => ("HEAD", "manifests/latest".to_owned()),
        };
        let body: &[u8] = if write { &blob } else { &[] };
        let head = format!(
            "{method} /v2/{repository}/{path} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut client = TcpStream::connect(authority).unwrap();
        client.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let (mut asked, _) = store.accept().unwrap();
        asked.read_exact(&mut [0]).unwrap();
        let (begun, grace) = (Instant::now(), Duration::from_millis(300));
        let summary = serving.stop(&cancel, grace);
        let took = begun.elapsed();
        assert!(took >= grace && took < Duration::from_secs(10), "{took:?}");
        assert_eq!((summary.requests, cancel.is_cancelled()), (1, true));
    }
}
