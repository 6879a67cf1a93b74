//! Conditional writes and deletions that meet faults: a lost response must be neither a lost write nor a false alarm.

use s3_build_cache::object::{BytesPayload, PutMode, Version};
use s3_build_cache::{ErrorKind, Result};

use crate::s3::errors::told;
use crate::s3::{builder, cache};
use crate::s3_server::{At, Failure, Fault, Match, Operation, Server};

const KEY: &str = "manifests/app";

fn holding() -> (Server, Version) {
    let server = Server::start();
    server.put_object(KEY, b"old");
    let version = cache(&server, "").store().head(KEY).unwrap().unwrap().version.unwrap();
    server.take_requests();
    (server, version)
}

fn put(server: &Server, mode: &PutMode) -> Result<Option<Version>> {
    cache(server, "").store().put(KEY, &BytesPayload::new(b"new".to_vec()), mode)
}

fn requests(server: &Server) -> Vec<String> {
    server.take_requests().into_iter().map(|request| format!("{:?} {}", request.operation, request.status)).collect()
}

/// Wire facts: the header, and that it is signed, which the server checks.
#[test]
fn a_condition_is_one_header() {
    let (server, version) = holding();
    put(&server, &PutMode::Replace(version.clone())).unwrap();
    put(&server, &PutMode::Overwrite).unwrap();
    server.remove(KEY);
    put(&server, &PutMode::Create).unwrap();
    let sent: Vec<_> = server
        .requests()
        .iter()
        .map(|request| {
            (request.header("if-match").map(str::to_owned), request.header("if-none-match").map(str::to_owned))
        })
        .collect();
    let (tag, star) = (Some(version.as_str().to_owned()), Some("*".to_owned()));
    assert_eq!(sent, [(tag, None), (None, None), (None, star)]);
}

#[test]
fn a_lost_response_to_a_write_that_succeeded_is_a_success() {
    for replaces in [true, false] {
        for lost in [Fault::Reset(At::Done), Fault::ReplyAfter(Failure::new(500, "InternalError", "after all"))] {
            let (server, version) = holding();
            let mode = if replaces { PutMode::Replace(version) } else { PutMode::Create };
            if !replaces {
                server.remove(KEY);
            }
            server.fault(Match::operation(Operation::PutObject), lost.clone());
            let new = put(&server, &mode).unwrap_or_else(|error| panic!("{lost:?}: {}", error.chain()));
            assert_eq!(server.object(KEY).unwrap(), b"new");
            assert_eq!(new, cache(&server, "").store().head(KEY).unwrap().unwrap().version);
            assert_eq!(requests(&server)[1..3], ["PutObject 412", "GetObject 200"], "{lost:?}");
        }
    }
}

/// The first attempt arrived too late, or not at all.
#[test]
fn a_lost_response_to_a_write_that_failed_is_a_failed_condition() {
    let (server, version) = holding();
    server.put_object(KEY, b"someone else's");
    server.fault(Match::operation(Operation::PutObject), Fault::Reset(At::Done));
    let error = put(&server, &PutMode::Replace(version)).unwrap_err();
    told(&error, ErrorKind::PreconditionFailed, &["412 PreconditionFailed", "after 2 attempts"]);
    assert_eq!(server.object(KEY).unwrap(), b"someone else's");
}

/// A condition that fails at once is believed: nothing is read back.
#[test]
fn a_failed_condition_takes_one_request() {
    let (server, version) = holding();
    server.put_object(KEY, b"new");
    for mode in [PutMode::Create, PutMode::Replace(version.clone())] {
        assert_eq!(put(&server, &mode).unwrap_err().kind(), ErrorKind::PreconditionFailed);
        assert_eq!(requests(&server), ["PutObject 412"]);
    }
    server.remove(KEY);
    assert_eq!(put(&server, &PutMode::Replace(version)).unwrap_err().kind(), ErrorKind::PreconditionFailed);
    assert_eq!(requests(&server), ["PutObject 404"]);
}

#[test]
fn a_race_is_retried_and_then_a_failed_condition() {
    let race = || Fault::Reply(Failure::new(409, "ConditionalRequestConflict", "another request was faster"));
    let (server, version) = holding();
    server.fault(Match::operation(Operation::PutObject), race());
    put(&server, &PutMode::Replace(version)).unwrap();
    assert_eq!(requests(&server), ["PutObject 409", "PutObject 200"]);
    let (server, version) = holding();
    server.fault(Match::operation(Operation::PutObject).always(), race());
    let error = put(&server, &PutMode::Replace(version)).unwrap_err();
    told(&error, ErrorKind::PreconditionFailed, &["409 ConditionalRequestConflict", "after 3 attempts"]);
    assert_eq!(server.object(KEY).unwrap(), b"old");
}

/// AWS may send status 200 before it looks at the condition.
#[test]
fn a_failed_condition_after_status_200_is_not_retried() {
    let late =
        || Fault::Reply(Failure::new(200, "PreconditionFailed", "At least one of the preconditions did not hold"));
    let (server, version) = holding();
    server.fault(Match::operation(Operation::PutObject), late());
    assert_eq!(put(&server, &PutMode::Replace(version)).unwrap_err().kind(), ErrorKind::PreconditionFailed);
    assert_eq!(requests(&server), ["PutObject 200"]);
    server.fault(Match::operation(Operation::CompleteMultipartUpload), late());
    let store = cache(&server, "").store().clone();
    let upload = store.put_in_parts("other", 1, &PutMode::Create).unwrap();
    upload.put_part(1, 0, &BytesPayload::new(b"x".to_vec())).unwrap();
    assert_eq!(upload.complete().unwrap_err().kind(), ErrorKind::PreconditionFailed);
    drop(upload);
    assert!(server.uploads().is_empty());
}

/// An object of the right size may be another writer's, so a conditional completion never guesses.
#[test]
fn a_lost_response_to_a_conditional_completion_is_an_error() {
    let server = Server::start();
    server.fault(Match::operation(Operation::CompleteMultipartUpload), Fault::Reset(At::Done));
    let opened = builder(&server, "").open().unwrap();
    let upload = opened.store().put_in_parts(KEY, 1, &PutMode::Create).unwrap();
    upload.put_part(1, 0, &BytesPayload::new(b"x".to_vec())).unwrap();
    let error = upload.complete().unwrap_err();
    told(&error, ErrorKind::Store, &["NoSuchUpload", "after 2 attempts"]);
    assert_eq!(server.object(KEY).unwrap(), b"x");
}

#[test]
fn a_lost_response_to_a_deletion_is_a_success() {
    let (server, version) = holding();
    server.fault(Match::operation(Operation::DeleteObject), Fault::Reset(At::Done));
    cache(&server, "").store().delete_if(KEY, &version).unwrap();
    assert_eq!(requests(&server)[1], "DeleteObject 404");
    // The guide says 412 for a missing object.
    server.fault(
        Match::operation(Operation::DeleteObject),
        Fault::Reply(Failure::new(412, "PreconditionFailed", "the object does not exist")),
    );
    cache(&server, "").store().delete_if(KEY, &version).unwrap();
}

#[test]
fn an_unknown_condition_is_unsupported() {
    let (server, version) = holding();
    for (mode, header) in [(PutMode::Create, "If-None-Match"), (PutMode::Replace(version), "If-Match")] {
        let refused =
            Failure::new(501, "NotImplemented", "A header you provided implies functionality that is not there");
        server.fault(Match::operation(Operation::PutObject), Fault::Reply(refused));
        let error = put(&server, &mode).unwrap_err();
        told(&error, ErrorKind::Unsupported, &["501 NotImplemented", &format!("PutObject with {header}")]);
    }
}
