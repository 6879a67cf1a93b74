//! An S3 server inside the test process, as strict for each rule as the strictest store.
//!
//! It listens on loopback, verifies Signature Version 4 with its own code, keeps its objects in memory, and records
//! every request. Dropping it stops and joins all of its threads.
//!
//! ```text
//! let server = Server::start();
//! server.put_object("blobs/x", b"hello");
//! // … point the client at server.endpoint(), server.bucket(), server.region(), server.credentials() …
//! assert_eq!(server.requests().len(), 1);
//! ```
// Each test uses only a part of it.
#![allow(dead_code)]

mod bucket;
mod clock;
mod conditions;
mod config;
mod connection;
mod deliver;
mod exchange;
mod express;
mod failure;
mod faults;
mod handlers;
mod http;
mod listing;
mod multipart;
mod objects;
mod presigned;
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
pub(crate) use conditions::Conditions;
pub(crate) use config::{Config, Credentials};
use connection::{Listening, Stop};
pub(crate) use express::Directory;
pub(crate) use failure::Failure;
use faults::Plan;
pub(crate) use faults::{At, Fault, Match, Then};
pub(crate) use recorded::Recorded;
pub(crate) use route::Operation;

/// The requests that have not been taken yet.
#[derive(Debug, Default)]
struct Log {
    taken: usize,
    requests: Vec<Recorded>,
}

/// The state shared by the threads of a server.
struct Shared {
    config: Config,
    /// The valid credentials, followed by the expired ones.
    credentials: Mutex<Vec<Credentials>>,
    /// Temporary credentials, and when they expire.
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
    /// Starts an empty server with the defaults.
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
        let listening = Listening::start(Arc::clone(&shared));
        Self { shared, listening }
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.listening.address()
    }

    /// Returns the value for `endpoint_url`. The host is an IP address, which implies path style.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}{}", self.address(), self.shared.config.base_path)
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.shared.config.bucket
    }

    pub(crate) fn region(&self) -> &str {
        &self.shared.config.region
    }

    /// Returns the valid credentials.
    pub(crate) fn credentials(&self) -> Credentials {
        self.shared.credentials.lock().unwrap()[0].clone()
    }

    /// Replaces the credentials. Requests with the previous ones are rejected as expired from now on.
    pub(crate) fn rotate_credentials(&self, new: Credentials) {
        self.shared.credentials.lock().unwrap().insert(0, new);
    }

    /// Also accepts these credentials until `expires` by the server's clock, and rejects them as expired afterwards.
    pub(crate) fn admit_until(&self, session: Credentials, expires: SystemTime) {
        self.shared.sessions.lock().unwrap().push((session, expires));
    }

    /// Sets the server's clock this many seconds ahead of the true time, or behind it if negative.
    pub(crate) fn set_clock_ahead(&self, seconds: i64) {
        self.shared.clock_ahead.store(seconds, Ordering::SeqCst);
    }

    /// Returns the bytes of an object.
    pub(crate) fn object(&self, key: &str) -> Option<Vec<u8>> {
        Some(self.shared.bucket.lock().unwrap().objects.get(key)?.data.to_vec())
    }

    /// Returns the headers stored with an object: content type, metadata, storage class, encryption.
    pub(crate) fn object_headers(&self, key: &str) -> Option<Vec<(String, String)>> {
        Some(self.shared.bucket.lock().unwrap().objects.get(key)?.headers.clone())
    }

    /// Returns the age of an object by the server's clock.
    pub(crate) fn age(&self, key: &str) -> Option<Duration> {
        let modified = self.shared.bucket.lock().unwrap().objects.get(key)?.modified;
        Some(clock::apart(self.shared.now(), modified))
    }

    /// Stores an object without a request.
    pub(crate) fn put_object(&self, key: &str, bytes: &[u8]) {
        self.put_object_with(key, bytes, &[("content-type", "application/octet-stream")]);
    }

    /// Stores an object with headers, such as `x-amz-storage-class`.
    pub(crate) fn put_object_with(&self, key: &str, bytes: &[u8], headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let object = Object::new(bytes.to_vec(), headers, self.shared.now());
        self.shared.bucket.lock().unwrap().objects.insert(key.to_owned(), object);
    }

    /// Returns all keys, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.shared.bucket.lock().unwrap().objects.keys().cloned().collect()
    }

    /// Sets the age of an object, which must exist.
    pub(crate) fn set_age(&self, key: &str, age: Duration) {
        let now = self.shared.now();
        self.shared.bucket.lock().unwrap().objects.get_mut(key).expect("an object of that key").modified = now - age;
    }

    /// Removes an object without a request. Returns whether it existed.
    pub(crate) fn remove(&self, key: &str) -> bool {
        self.shared.bucket.lock().unwrap().objects.remove(key).is_some()
    }

    /// Returns key and id of every unfinished multipart upload.
    pub(crate) fn uploads(&self) -> Vec<(String, String)> {
        let bucket = self.shared.bucket.lock().unwrap();
        bucket.uploads.iter().map(|(id, upload)| (upload.key.clone(), id.clone())).collect()
    }

    /// Ends all sessions with the directory bucket: the server refuses their keys as unknown.
    pub(crate) fn end_sessions(&self) {
        self.shared.bucket.lock().unwrap().sessions.clear();
    }

    /// Returns every request so far, including those with faults.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared.log.lock().unwrap().requests.clone()
    }

    /// Takes and returns the requests so far.
    pub(crate) fn take_requests(&self) -> Vec<Recorded> {
        let mut log = self.shared.log.lock().unwrap();
        log.taken += log.requests.len();
        std::mem::take(&mut log.requests)
    }

    /// Plans a fault for the matching requests.
    pub(crate) fn fault(&self, matching: Match, fault: Fault) {
        self.shared.plan.lock().unwrap().add(matching, fault);
    }

    /// Returns the number of faults that have not occurred as often as planned.
    pub(crate) fn pending_faults(&self) -> usize {
        self.shared.plan.lock().unwrap().pending()
    }

    /// Cancels all planned faults.
    pub(crate) fn clear_faults(&self) {
        self.shared.plan.lock().unwrap().clear();
    }
}
