//! A clock that differs from the server's.

use std::sync::Arc;
use std::time::Duration;

use s3_build_cache::ErrorKind;
use s3_build_cache::credentials::{Secret, StaticCredentials};
use s3_build_cache::object::ListOptions;

use crate::s3::errors::told;
use crate::s3::learning::{STEPS, done};
use crate::s3::{builder, cache, export};
use crate::s3_server::{Config, Failure, Fault, Match, Server};

#[test]
fn a_wrong_clock_is_corrected_once_and_the_correction_remembered() {
    for ahead in [20 * 60, -20 * 60, 400 * 24 * 3600, -400 * 24 * 3600] {
        for (name, step) in STEPS {
            let server = Server::with(Config { clock_ahead: ahead, ..Config::default() });
            server.put_object("blobs/x", b"old");
            let opened = cache(&server, "");
            done(step(&opened), name);
            assert_eq!(server.take_requests().len(), 2, "{name} {ahead}");
            server.put_object("blobs/x", b"old");
            done(step(&opened), name);
            assert_eq!(server.take_requests().len(), 1, "{name} {ahead}");
        }
    }
    let server = Server::with(Config { clock_ahead: -3600, ..Config::default() });
    assert_eq!(export(&cache(&server, ""), "max").unwrap().blobs.transferred, 10);
}

/// A clock that is corrected during a run is learnt too.
#[test]
fn a_changing_clock_is_followed() {
    let server = Server::with(Config { clock_ahead: 3600, ..Config::default() });
    let opened = cache(&server, "");
    for (ahead, requests) in [(3600, 2), (3600, 1), (0, 2), (0, 1), (-3600, 2)] {
        server.set_clock_ahead(ahead);
        opened.store().list_page("", &ListOptions::default()).unwrap();
        assert_eq!(server.take_requests().len(), requests, "{ahead}");
    }
}

#[test]
fn clock_skew_without_a_date_header_is_an_error_with_a_hint() {
    let skewed = || Server::with(Config { clock_ahead: 20 * 60, ..Config::default() });
    for fault in [
        // No date, an invalid one, and one from an HTTP cache.
        Fault::Header("date", None),
        Fault::Header("date", Some("yesterday".to_owned())),
        Fault::Header("age", Some("1".to_owned())),
    ] {
        let server = skewed();
        server.fault(Match::any().always(), fault.clone());
        let error = cache(&server, "").store().list_page("", &ListOptions::default()).unwrap_err();
        told(&error, ErrorKind::Access, &["RequestTimeTooSkewed", "clock"]);
        assert_eq!(server.requests().len(), 1, "{fault:?}");
    }
    // A server that contradicts itself receives one more request at most.
    let server = Server::start();
    server.fault(Match::any().always(), Fault::Reply(Failure::new(403, "RequestTimeTooSkewed", "no")));
    told(
        &cache(&server, "").store().list_page("", &ListOptions::default()).unwrap_err(),
        ErrorKind::Access,
        &["RequestTimeTooSkewed"],
    );
    assert_eq!(server.requests().len(), 1);
    let server = skewed();
    server.fault(Match::any().always(), Fault::Reply(Failure::new(403, "RequestTimeTooSkewed", "no")));
    told(
        &cache(&server, "").store().list_page("", &ListOptions::default()).unwrap_err(),
        ErrorKind::Access,
        &["RequestTimeTooSkewed"],
    );
    assert_eq!(server.requests().len(), 2);
}

/// Wrong keys on a machine with a correct clock do not look like clock skew.
#[test]
fn a_wrong_signature_is_not_mistaken_for_clock_skew() {
    let server = Server::with(Config { clock_ahead: 100, ..Config::default() });
    let keys = server.credentials();
    let provider = StaticCredentials::new(&keys.access_key_id, &Secret::from("wrong"), None);
    let opened = builder(&server, "").credentials(Arc::new(provider)).open().unwrap();
    told(
        &opened.store().list_page("", &ListOptions::default()).unwrap_err(),
        ErrorKind::Access,
        &["SignatureDoesNotMatch"],
    );
    assert_eq!(server.requests().len(), 1);
}

/// A cache on the way repeats the date of an earlier response.
#[test]
fn an_object_does_not_look_younger_in_a_cached_response() {
    let server = Server::start();
    server.put_object("blobs/x", b"x");
    server.set_age("blobs/x", Duration::from_secs(7200));
    for (name, value) in [("age", "3600"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")] {
        server.fault(Match::any().always(), Fault::Header(name, Some(value.to_owned())));
    }
    let meta = cache(&server, "").store().head("blobs/x").unwrap().unwrap();
    assert!(meta.age.is_some_and(|age| age >= Duration::from_secs(7000)), "{meta:?}");
}
