//! An S3 server inside the test process, as strict as the strictest store for each rule.
//!
//! It listens on loopback, verifies Signature Version 4 with code of its own, keeps its objects in memory, and records
//! every request. Dropping it stops and joins all of its threads.
//!
//! ```text
//! let server = Server::start();
//! server.put_object("blobs/x", b"hello");
//! // … point the client at server.endpoint(), server.bucket(), server.region(), server.access_key_id() …
//! assert_eq!(server.requests().len(), 1);
//! ```
// What it offers is used by whichever tests need it.
#![allow(dead_code)]

mod bucket;
mod clock;
mod connection;
mod exchange;
mod failure;
mod handlers;
mod http;
mod listing;
mod objects;
mod raw;
mod route;
mod rules;
mod sigv4;
mod tests;
mod text;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bucket::{Bucket, Object};
use connection::{Listening, Stop};
use http::Head;
pub(crate) use route::Operation;
use route::Route;

/// What kind of store the server is.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) bucket: String,
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
    /// What precedes the bucket in the path, such as `/s3`; empty or beginning with a slash.
    pub(crate) base_path: String,
    /// The domain under which a bucket is a host name: with `localhost`, `cache.localhost:1234` is the bucket `cache`.
    pub(crate) domain: Option<String>,
    /// Refuse path style, as OSS does.
    pub(crate) virtual_only: bool,
    /// Listen on `[::1]`.
    pub(crate) ipv6: bool,
    /// How far the server's clock is ahead, in seconds.
    pub(crate) clock_ahead: i64,
    /// The caller may not list: listings are 403, and so are missing keys.
    pub(crate) list_denied: bool,
    /// Unsigned GET and HEAD are served.
    pub(crate) anonymous_read: bool,
    /// Compare bodies with `x-amz-content-sha256`.
    pub(crate) checks_payload: bool,
    /// Accept `UNSIGNED-PAYLOAD`.
    pub(crate) unsigned_payload: bool,
    /// Honour `encoding-type=url`.
    pub(crate) encodes_listings: bool,
    /// The most keys on a page of a listing.
    pub(crate) page_size: usize,
    /// A copy onto itself leaves Last-Modified alone.
    pub(crate) copy_keeps_age: bool,
    /// DELETE of a missing key is 404, as Google has it.
    pub(crate) delete_missing_is_404: bool,
    /// The largest object of one PUT, in bytes.
    pub(crate) max_put: u64,
    /// The largest source of one copy, in bytes.
    pub(crate) max_copy: u64,
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    /// Required of every request when there is one.
    pub(crate) session_token: Option<String>,
}

/// A request as it came, in the order of arrival.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) operation: Operation,
    pub(crate) method: String,
    /// As on the wire, still encoded.
    pub(crate) path: String,
    /// As on the wire, still encoded, without the question mark.
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The bytes of the body that were read.
    pub(crate) body_len: u64,
    /// The status answered; 0 when there was no answer.
    pub(crate) status: u16,
    /// The code of the rule that the request broke, if any: also when a fault answered instead.
    pub(crate) refused: Option<String>,
    /// The connection it came on, counted from 1.
    pub(crate) connection: u64,
}

/// The requests that were not taken yet.
#[derive(Debug, Default)]
struct Log {
    taken: usize,
    requests: Vec<Recorded>,
}

/// What the threads of a server share.
struct Shared {
    config: Config,
    /// Those in force, then those that have expired.
    credentials: Mutex<Vec<Credentials>>,
    bucket: Mutex<Bucket>,
    log: Mutex<Log>,
    clock_ahead: AtomicI64,
    stop: Stop,
}

/// A running server.
pub(crate) struct Server {
    shared: Arc<Shared>,
    listening: Listening,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bucket: "cache".into(),
            region: "eu-test-1".into(),
            credentials: Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None),
            base_path: String::new(),
            domain: None,
            virtual_only: false,
            ipv6: false,
            clock_ahead: 0,
            list_denied: false,
            anonymous_read: false,
            checks_payload: true,
            unsigned_payload: false,
            encodes_listings: true,
            page_size: 1000,
            copy_keeps_age: false,
            delete_missing_is_404: false,
            max_put: 5 << 30,
            max_copy: 5 << 30,
        }
    }
}

impl Credentials {
    pub(crate) fn new(access_key_id: &str, secret_access_key: &str, session_token: Option<&str>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: session_token.map(str::to_owned),
        }
    }
}

impl Recorded {
    fn new(head: &Head, route: &Route, connection: u64) -> Self {
        Self {
            operation: route.operation,
            method: head.method.clone(),
            path: head.path.clone(),
            query: head.query.clone(),
            headers: head.headers.clone(),
            body_len: 0,
            status: 0,
            refused: None,
            connection,
        }
    }

    /// The first header of that name, given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }
}

impl Shared {
    fn now(&self) -> SystemTime {
        clock::shift(SystemTime::now(), self.clock_ahead.load(Ordering::SeqCst))
    }

    fn begin(&self, request: Recorded) -> usize {
        let mut log = self.log.lock().unwrap();
        log.requests.push(request);
        log.taken + log.requests.len() - 1
    }

    fn update(&self, entry: usize, change: impl FnOnce(&mut Recorded)) {
        let mut log = self.log.lock().unwrap();
        let index = entry.checked_sub(log.taken);
        if let Some(request) = index.and_then(|index| log.requests.get_mut(index)) {
            change(request);
        }
    }
}

impl Server {
    /// A server with the defaults, empty.
    pub(crate) fn start() -> Self {
        Self::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let shared = Arc::new(Shared {
            credentials: Mutex::new(vec![config.credentials.clone()]),
            bucket: Mutex::default(),
            log: Mutex::default(),
            clock_ahead: AtomicI64::new(config.clock_ahead),
            stop: Stop::default(),
            config,
        });
        let listening = Listening::start(Arc::clone(&shared)).expect("a loopback socket");
        Self { shared, listening }
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.listening.address
    }

    /// The value for `endpoint_url`: by IP address, which means path style.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}{}", self.address(), self.shared.config.base_path)
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.shared.config.bucket
    }

    pub(crate) fn region(&self) -> &str {
        &self.shared.config.region
    }

    /// The credentials in force.
    pub(crate) fn credentials(&self) -> Credentials {
        self.shared.credentials.lock().unwrap()[0].clone()
    }

    /// New credentials; with the ones before, requests are refused as expired from now on.
    pub(crate) fn rotate_credentials(&self, new: Credentials) {
        self.shared.credentials.lock().unwrap().insert(0, new);
    }

    /// Moves the server's clock: so many seconds ahead of the true time, or behind it when negative.
    pub(crate) fn set_clock_ahead(&self, seconds: i64) {
        self.shared.clock_ahead.store(seconds, Ordering::SeqCst);
    }

    /// The bytes of an object.
    pub(crate) fn object(&self, key: &str) -> Option<Vec<u8>> {
        Some(self.shared.bucket.lock().unwrap().objects.get(key)?.data.to_vec())
    }

    /// The headers kept with an object: content type, metadata, storage class, encryption.
    pub(crate) fn object_headers(&self, key: &str) -> Option<Vec<(String, String)>> {
        Some(self.shared.bucket.lock().unwrap().objects.get(key)?.headers.clone())
    }

    /// How old an object is by the server's clock.
    pub(crate) fn age(&self, key: &str) -> Option<Duration> {
        let modified = self.shared.bucket.lock().unwrap().objects.get(key)?.modified;
        Some(clock::apart(self.shared.now(), modified))
    }

    /// Stores an object behind the clients' backs.
    pub(crate) fn put_object(&self, key: &str, bytes: &[u8]) {
        self.put_object_with(key, bytes, &[("content-type", "application/octet-stream")]);
    }

    /// Stores an object with headers, such as `x-amz-storage-class`.
    pub(crate) fn put_object_with(&self, key: &str, bytes: &[u8], headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let object = Object::new(bytes.to_vec(), headers, self.shared.now());
        self.shared.bucket.lock().unwrap().objects.insert(key.to_owned(), object);
    }

    /// All keys, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.shared.bucket.lock().unwrap().objects.keys().cloned().collect()
    }

    /// Makes an object that old. Panics when there is none.
    pub(crate) fn set_age(&self, key: &str, age: Duration) {
        let now = self.shared.now();
        self.shared.bucket.lock().unwrap().objects.get_mut(key).expect("an object of that key").modified = now - age;
    }

    /// Removes an object behind the clients' backs; false when there was none.
    pub(crate) fn remove(&self, key: &str) -> bool {
        self.shared.bucket.lock().unwrap().objects.remove(key).is_some()
    }

    /// Every request so far, faulted ones included.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared.log.lock().unwrap().requests.clone()
    }

    /// Forgets the requests so far and returns them.
    pub(crate) fn take_requests(&self) -> Vec<Recorded> {
        let mut log = self.shared.log.lock().unwrap();
        log.taken += log.requests.len();
        std::mem::take(&mut log.requests)
    }
}
