//! Sessions that expire: credentials are renewed once after a refusal.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use s3_build_cache::credentials::{Secret, StaticCredentials};
use s3_build_cache::object::ListOptions;
use s3_build_cache::{Error, ErrorKind, Result, S3Cache};

use crate::s3::errors::told;
use crate::s3::learning::{STEPS, done};
use crate::s3::{builder, cache, export};
use crate::s3_server::{Config, Credentials, Fault, Match, Operation, Server};

/// Provides its first credentials, and the next ones after a refusal.
struct Sessions {
    all: Vec<Credentials>,
    at: Mutex<usize>,
    invalidated: AtomicUsize,
    /// Fails when none are left, instead of returning the last ones again.
    fails: bool,
}

impl Sessions {
    fn new(all: &[Credentials], fails: bool) -> Arc<Self> {
        Arc::new(Self { all: all.to_vec(), at: Mutex::new(0), invalidated: AtomicUsize::new(0), fails })
    }
}

impl s3_build_cache::credentials::CredentialsProvider for Sessions {
    fn credentials(&self) -> Result<s3_build_cache::credentials::Credentials> {
        let at = *self.at.lock().unwrap();
        let Some(keys) = self.all.get(at).or_else(|| self.all.last().filter(|_| !self.fails)) else {
            return Err(Error::access("no session is to be had").with_hint("log in"));
        };
        let token = keys.session_token.as_deref().map(Secret::from);
        StaticCredentials::new(&keys.access_key_id, &Secret::from(&*keys.secret_access_key), token.as_ref())
            .credentials()
    }

    fn invalidate(&self, used: &s3_build_cache::credentials::Credentials) {
        self.invalidated.fetch_add(1, Ordering::SeqCst);
        let mut at = self.at.lock().unwrap();
        if self.all.get(*at).is_some_and(|keys| keys.access_key_id == used.access_key_id) {
            *at += 1;
        }
    }

    fn origin(&self) -> String {
        "the sessions of this test".to_owned()
    }
}

fn session(number: usize) -> Credentials {
    Credentials::new(&format!("ASIA{number}"), &format!("secret{number}"), Some(&format!("token{number}")))
}

fn with_session(number: usize) -> Server {
    Server::with(Config { credentials: session(number), ..Config::default() })
}

fn opened_with(server: &Server, provider: Arc<Sessions>) -> S3Cache {
    builder(server, "").credentials(provider).open().unwrap()
}

#[test]
fn an_expired_session_is_renewed_once() {
    for (name, step) in STEPS {
        let server = with_session(1);
        server.put_object("blobs/x", b"old");
        let provider = Sessions::new(&[session(1), session(2)], false);
        let opened = opened_with(&server, provider.clone());
        done(step(&opened), name);
        server.put_object("blobs/x", b"old");
        server.rotate_credentials(session(2));
        server.take_requests();
        done(step(&opened), name);
        let extra = if name == "HEAD" { 2 } else { 1 };
        assert_eq!(server.take_requests().len(), 1 + extra, "{name}");
        assert_eq!(provider.invalidated.load(Ordering::SeqCst), 1, "{name}");
    }
}

#[test]
fn a_session_that_expires_during_an_export_does_not_stop_it() {
    let server = with_session(1);
    let opened = opened_with(&server, Sessions::new(&[session(1), session(2)], false));
    server.fault(Match::operation(Operation::PutObject).nth(3), Fault::expired_token());
    assert_eq!(export(&opened, "max").unwrap_err().kind(), ErrorKind::Access, "the server knows no other session");
    server.rotate_credentials(session(2));
    assert_eq!(export(&opened, "max").unwrap().blobs.total, 10);
}

#[test]
fn a_session_that_cannot_be_renewed_fails_immediately() {
    // Static keys, and a provider without others.
    let server = Server::start();
    server.fault(Match::any().always(), Fault::expired_token());
    told(
        &cache(&server, "").store().list_page("", &ListOptions::default()).unwrap_err(),
        ErrorKind::Access,
        &["ExpiredToken", "get new credentials"],
    );
    assert_eq!(server.requests().len(), 1);

    let server = with_session(2);
    server.rotate_credentials(session(3));
    let provider = Sessions::new(&[session(2)], false);
    let error = opened_with(&server, provider).store().list_page("", &ListOptions::default()).unwrap_err();
    told(&error, ErrorKind::Access, &["ExpiredToken", "the sessions of this test"]);
    assert_eq!(server.requests().len(), 1);

    // A provider whose other credentials have expired too: one more request at most.
    let server = with_session(1);
    server.rotate_credentials(session(2));
    server.rotate_credentials(session(3));
    let error = opened_with(&server, Sessions::new(&[session(1), session(2), session(3)], false))
        .store()
        .list_page("", &ListOptions::default());
    told(&error.unwrap_err(), ErrorKind::Access, &["ExpiredToken"]);
    assert_eq!(server.requests().len(), 2);

    // The error of a failing provider is reported.
    let server = with_session(1);
    server.rotate_credentials(session(2));
    let error = opened_with(&server, Sessions::new(&[session(1)], true))
        .store()
        .list_page("", &ListOptions::default())
        .unwrap_err();
    told(&error, ErrorKind::Access, &["no session is to be had", "log in"]);
    assert_eq!(server.requests().len(), 1);
}

/// Region, clock and session at once: each is learnt, and none counts as a retry.
#[test]
fn region_clock_and_session_may_all_be_wrong_at_once() {
    let server = Server::with(Config { credentials: session(1), clock_ahead: 7200, ..Config::default() });
    let mut options = builder(&server, ",retry_max_attempts=1").open().unwrap().options().to_builder();
    options.location.region = Some("mars-1".to_owned());
    server.rotate_credentials(session(2));
    let provider = Sessions::new(&[session(1), session(2)], false);
    let opened = S3Cache::builder(&options.build().unwrap()).credentials(provider).open().unwrap();
    opened.store().list_page("", &ListOptions::default()).unwrap();
    assert_eq!(server.requests().len(), 4);
}
