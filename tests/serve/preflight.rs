//! Trying a cache before a build depends on it.

use s3_build_cache::ErrorKind;
use s3_build_cache::serve::{Mount, ServeOptions, Server as Registry};

use crate::s3::{cache, elsewhere};
use crate::s3_server::{Failure, Fault, Match, Operation, Server};

#[test]
fn a_cache_that_can_be_used_costs_one_or_two_requests() {
    let server = Server::start();
    let cache = cache(&server, ",name=app");
    cache.preflight(false).unwrap();
    assert_eq!(server.take_requests().len(), 1);
    assert!(server.keys().is_empty());
    cache.preflight(true).unwrap();
    cache.preflight(true).unwrap();
    assert_eq!(server.take_requests().len(), 4);
    // It is always the same object.
    assert_eq!(server.keys().len(), 1);
}

#[test]
fn what_a_build_would_fail_with_is_found() {
    let denied = || Fault::Reply(Failure::new(403, "AccessDenied", "Access Denied"));
    for (what, matching, fault, read, write) in [
        ("a read-only key", Match::operation(Operation::PutObject), denied(), None, Some(ErrorKind::Access)),
        ("no permission", Match::any(), denied(), Some(ErrorKind::Access), Some(ErrorKind::Access)),
        ("an expired token", Match::any(), Fault::expired_token(), Some(ErrorKind::Access), Some(ErrorKind::Access)),
        ("a dead store", Match::any(), Fault::internal_error(), Some(ErrorKind::Store), Some(ErrorKind::Store)),
    ] {
        let server = Server::start();
        server.fault(matching.always(), fault);
        let kind = |write| cache(&server, "").preflight(write).map_err(|error| error.kind()).err();
        assert_eq!((kind(false), kind(true)), (read, write), "{what}");
    }
    let server = Server::start();
    assert!(elsewhere(&server).preflight(true).is_err());
}

#[test]
fn a_mount_that_cannot_be_served_is_a_usage_error() {
    let server = Server::start();
    for mount in [
        Mount::read_only("A", vec![cache(&server, "")]),
        Mount::read_only("a//b", vec![cache(&server, "")]),
        Mount::read_only("a", Vec::new()),
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let error = Registry::bind(vec![mount], &ServeOptions::new(), listener).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}
