//! An S3 server inside the test process, as strict as the strictest store for each rule.
//!
//! It listens on loopback, verifies Signature Version 4 with code of its own, keeps its objects in memory, and records
//! every request. Dropping it stops and joins all of its threads.
//!
//! ```text
//! let server = Server::start();
//! server.put_object("blobs/x", b"hello");
//! // … point the client at server.endpoint(), server.bucket(), server.region(), server.credentials() …
//! assert_eq!(server.requests().len(), 1);
//! ```
// What it offers is used by whichever tests need it.
#![allow(dead_code)]

mod bucket;
mod clock;
mod config;
mod connection;
mod deliver;
mod exchange;
mod failure;
mod faults;
mod handlers;
mod http;
mod listing;
mod multipart;
mod objects;
pub(crate) mod raw;
mod recorded;
mod route;
mod rules;
mod sigv4;
mod tests;
mod text;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bucket::{Bucket, Object};
pub(crate) use config::{Config, Credentials};
use connection::{Listening, Stop};
pub(crate) use failure::Failure;
use faults::Plan;
pub(crate) use faults::{At, Fault, Match, Then};
pub(crate) use recorded::Recorded;
pub(crate) use route::Operation;

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
    /// Further ones, in force until then.
    sessions: Mutex<Vec<(Credentials, SystemTime)>>,
    bucket: Mutex<Bucket>,
    log: Mutex<Log>,
    plan: Mutex<Plan>,
    clock_ahead: AtomicI64,
    stop: Stop,
}

/// A running server.
pub(crate) struct Server {
    shared: Arc<Shared>,
    listening: Listening,
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
            sessions: Mutex::default(),
            bucket: Mutex::default(),
            log: Mutex::default(),
            plan: Mutex::default(),
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

    /// Beside those in force these, until then by the server's clock; after that they are refused as expired.
    pub(crate) fn admit_until(&self, session: Credentials, expires: SystemTime) {
        self.shared.sessions.lock().unwrap().push((session, expires));
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

    /// Key and id of every multipart upload that is neither complete nor aborted.
    pub(crate) fn uploads(&self) -> Vec<(String, String)> {
        let bucket = self.shared.bucket.lock().unwrap();
        bucket.uploads.iter().map(|(id, upload)| (upload.key.clone(), id.clone())).collect()
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

    /// Plans a fault for the requests that fit.
    pub(crate) fn fault(&self, matching: Match, fault: Fault) {
        self.shared.plan.lock().unwrap().add(matching, fault);
    }

    /// How many planned faults have not struck as often as they were to.
    pub(crate) fn pending_faults(&self) -> usize {
        self.shared.plan.lock().unwrap().pending()
    }

    /// From now on nothing goes wrong.
    pub(crate) fn clear_faults(&self) {
        self.shared.plan.lock().unwrap().clear();
    }
}
