//! Transient and persistent faults of each operation: the number of requests, and the result or the error.

use std::io::Read;
use std::time::Duration;

use s3_build_cache::object::{BytesPayload, GetOptions, ListOptions, ObjectMeta, Payload, PutMode};
use s3_build_cache::{ErrorKind, Result, S3Cache};

use crate::s3::errors::told;
use crate::s3::{cache, elsewhere, export};
use crate::s3_server::{At, Failure, Fault, Match, Operation, Server, Then};

/// The expected outcome of an operation on `blobs/x`, which contains `old`.
type Step = fn(&S3Cache) -> Result<()>;

const HEAD: (Operation, Step) = (Operation::HeadObject, |cache| {
    assert_eq!(cache.store().head("blobs/x")?.unwrap().size, 3);
    Ok(())
});
const GET: (Operation, Step) = (Operation::GetObject, |cache| {
    let mut bytes = Vec::new();
    let mut object = cache.store().get("blobs/x", &GetOptions::default())?.unwrap();
    object.body.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"old");
    Ok(())
});
const PUT: (Operation, Step) = (Operation::PutObject, |cache| {
    cache.store().put("blobs/x", &BytesPayload::new(b"new".to_vec()), &PutMode::Overwrite).map(drop)
});
const COPY: (Operation, Step) =
    (Operation::CopyObject, |cache| cache.store().touch("blobs/x", &ObjectMeta::new(3)).map(drop));
const LIST: (Operation, Step) = (Operation::ListObjectsV2, |cache| {
    assert_eq!(cache.store().list_page("blobs/", &ListOptions::default())?.objects.len(), 1);
    Ok(())
});
const DELETE: (Operation, Step) = (Operation::DeleteObject, |cache| cache.store().delete("blobs/x"));
pub(super) const ALL: [(Operation, Step); 6] = [HEAD, GET, PUT, COPY, LIST, DELETE];

pub(super) fn holding() -> Server {
    let server = Server::start();
    server.put_object("blobs/x", b"old");
    server
}

/// Asserts that the operation succeeds with this many requests, and has its effect.
#[track_caller]
fn passes(target: (Operation, Step), fault: &Fault, times: usize, requests: usize) {
    let (operation, step) = target;
    let server = holding();
    let case = format!("{operation:?} {fault:?} {times} times");
    server.fault(Match::operation(operation).times(times), fault.clone());
    step(&cache(&server, "")).unwrap_or_else(|error| panic!("{case}: {}", error.chain()));
    assert_eq!((server.pending_faults(), server.requests().len()), (0, requests), "{case}");
    assert!(server.requests().iter().all(|request| request.refused.is_none()), "{case}");
    let left = server.object("blobs/x");
    match operation {
        Operation::PutObject => assert_eq!(left.unwrap(), b"new", "{case}"),
        Operation::DeleteObject => assert_eq!(left, None, "{case}"),
        _ => assert_eq!(left.unwrap(), b"old", "{case}"),
    }
}

/// Asserts that the operation fails with this error after this many requests, because the fault persists.
#[track_caller]
fn fails(target: (Operation, Step), fault: &Fault, kind: ErrorKind, requests: usize) {
    let (operation, step) = target;
    let server = holding();
    server.fault(Match::any().always(), fault.clone());
    let error = step(&cache(&server, "")).expect_err(&format!("{operation:?} {fault:?}"));
    told(&error, kind, &[]);
    // A HEAD that is refused without a reason is repeated as GET.
    let asked_why = if operation == Operation::HeadObject && !has_no_answer(fault) { 2 } else { 1 };
    assert_eq!(server.requests().len(), requests * asked_why, "{operation:?} {fault:?}: {}", error.chain());
}

fn has_no_answer(fault: &Fault) -> bool {
    matches!(fault, Fault::Reset(_) | Fault::EmptyReply)
}

fn reply(status: u16, code: &str) -> Fault {
    Fault::Reply(Failure::new(status, code, "no"))
}

#[test]
fn each_transient_failure_costs_one_request() {
    for target in ALL {
        for fault in [
            Fault::slow_down(),
            Fault::slow_down_for("retry-after", "20"),
            Fault::slow_down_for("x-amz-retry-after", "2000"),
            Fault::too_many_requests(),
            Fault::internal_error(),
            reply(408, "RequestTimeout"),
            reply(400, "RequestTimeout"),
            reply(502, "BadGateway"),
            reply(504, "GatewayTimeout"),
            reply(522, "ConnectionTimedOut"),
            reply(409, "OperationAborted"),
            Fault::Html(503),
            Fault::huge_error(1 << 20),
            Fault::Reset(At::Head),
            Fault::Reset(At::Done),
            Fault::EmptyReply,
            Fault::ReplyAfter(Failure::new(500, "InternalError", "no")),
        ] {
            // A refused HEAD is repeated for the reason only if the refusal is permanent and has no code.
            if target.0 == Operation::HeadObject
                && matches!(&fault, Fault::Reply(failure) if failure.status == 400 || failure.status == 409)
            {
                continue;
            }
            passes(target, &fault, 1, 2);
            passes(target, &fault, 2, 3);
        }
        for fault in [Fault::Delay(Duration::from_millis(20)), Fault::CloseAfter, Fault::Reset(At::Answered)] {
            passes(target, &fault, 1, 1);
        }
        let drip = Fault::Drip { bytes: 100, every: Duration::from_millis(1) };
        passes(target, &drip, 1, 1);
    }
}

#[test]
fn an_error_document_in_a_successful_response_is_a_failure() {
    for target in [GET, PUT, COPY, LIST, DELETE] {
        passes(target, &Fault::error_in_200(), 1, 2);
        passes(target, &reply(200, "SlowDown"), 2, 3);
        fails(target, &Fault::error_in_200(), ErrorKind::Store, 3);
        fails(target, &reply(200, "AccessDenied"), ErrorKind::Access, 3);
    }
}

#[test]
fn a_truncated_or_empty_response_is_retried() {
    for target in [COPY, LIST] {
        for fault in
            [Fault::EmptyBody, Fault::Truncate(20), Fault::TruncateUnannounced(60), Fault::Reset(At::ResponseBody(20))]
        {
            passes(target, &fault, 1, 2);
        }
        fails(target, &Fault::EmptyBody, ErrorKind::Store, 3);
    }
}

#[test]
fn a_persistent_failure_is_an_error_after_three_attempts() {
    for target in ALL {
        for (fault, kind) in [
            (Fault::slow_down(), ErrorKind::Store),
            (Fault::too_many_requests(), ErrorKind::Store),
            (Fault::internal_error(), ErrorKind::Store),
            (Fault::Html(502), ErrorKind::Store),
            (Fault::Reset(At::Head), ErrorKind::Network),
            (Fault::Reset(At::Done), ErrorKind::Network),
            (Fault::EmptyReply, ErrorKind::Network),
        ] {
            fails(target, &fault, kind, 3);
        }
    }
}

#[test]
fn permanent_failures_are_not_retried() {
    for target in ALL {
        for (fault, kind) in [
            (reply(403, "AccessDenied"), ErrorKind::Access),
            (reply(403, "InvalidAccessKeyId"), ErrorKind::Access),
            (reply(403, "SignatureDoesNotMatch"), ErrorKind::Access),
            (reply(401, "Unauthorized"), ErrorKind::Access),
            (Fault::expired_token(), ErrorKind::Access),
            (reply(400, "InvalidRequest"), ErrorKind::Store),
            (reply(405, "MethodNotAllowed"), ErrorKind::Unsupported),
            (reply(501, "NotImplemented"), ErrorKind::Unsupported),
            (reply(507, "InsufficientStorage"), ErrorKind::Store),
            (reply(411, "MissingContentLength"), ErrorKind::Store),
            (reply(409, "BucketAlreadyExists"), ErrorKind::Conflict),
            (reply(412, "PreconditionFailed"), ErrorKind::PreconditionFailed),
            (Fault::redirect("https://example.com/"), ErrorKind::Store),
            (Fault::Html(400), ErrorKind::Store),
        ] {
            fails(target, &fault, kind, 1);
        }
    }
    for target in [GET, PUT, COPY, LIST, DELETE] {
        fails(target, &reply(404, "NoSuchBucket"), ErrorKind::NoSuchBucket, 1);
    }
    for target in [GET, COPY, LIST] {
        fails(target, &Fault::Html(200), ErrorKind::Store, 1);
    }
}

/// A body that is being sent when the response arrives.
#[test]
fn an_early_response_to_a_put_is_read() {
    let large = || BytesPayload::new(vec![7; 3 << 20]);
    for then in [Then::Reset, Then::Drain, Then::HoldOpen] {
        let server = holding();
        server.fault(Match::operation(Operation::PutObject), Fault::early_slow_down(then));
        cache(&server, "").store().put("blobs/y", &large(), &PutMode::Overwrite).unwrap();
        assert_eq!(server.requests().len(), 2, "{then:?}");
        assert_eq!(server.object("blobs/y").unwrap().len(), 3 << 20);

        server.take_requests();
        server.fault(Match::operation(Operation::PutObject).always(), Fault::early_denied(then));
        told(
            &cache(&server, "").store().put("blobs/z", &large(), &PutMode::Overwrite).unwrap_err(),
            ErrorKind::Access,
            &["s3:PutObject"],
        );
        assert_eq!(server.requests().len(), 1, "{then:?}");
    }
    passes(PUT, &Fault::Reset(At::RequestBody(1)), 2, 3);
}

/// The server accepts one body and refuses the next without reading it. Later bodies wait for `100 Continue` again.
#[test]
fn a_large_body_waits_for_100_continue_after_a_refusal() {
    let server = holding();
    let opened = cache(&server, "");
    let large = BytesPayload::new(vec![7; 3 << 20]);
    let expects = || server.take_requests().iter().map(|one| one.header("expect").is_some()).collect::<Vec<_>>();
    opened.store().put("blobs/a", &large, &PutMode::Overwrite).unwrap();
    opened.store().put("blobs/b", &large, &PutMode::Overwrite).unwrap();
    assert_eq!(expects(), [true, false]);
    server.fault(Match::operation(Operation::PutObject), Fault::early_slow_down(Then::Reset));
    opened.store().put("blobs/c", &large, &PutMode::Overwrite).unwrap();
    assert_eq!(expects(), [false, true]);
    server.fault(Match::operation(Operation::PutObject), Fault::early_denied(Then::Reset));
    opened.store().put("blobs/d", &large, &PutMode::Overwrite).unwrap_err();
    opened.store().put("blobs/e", &large, &PutMode::Overwrite).unwrap();
    assert_eq!(expects(), [false, true]);
}

/// Each attempt reads the payload from its first byte and signs the request again.
#[test]
fn every_attempt_is_rewound_and_signed_again() {
    let server = holding();
    for fault in [Fault::ReplyAfter(Failure::new(500, "InternalError", "no")), Fault::Reset(At::RequestBody(100_000))] {
        server.fault(Match::operation(Operation::PutObject), fault);
    }
    let payload = BytesPayload::new((0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect());
    cache(&server, "").store().put("blobs/y", &payload, &PutMode::Overwrite).unwrap();
    assert_eq!(s3_build_cache::Digest::of(&server.object("blobs/y").unwrap()), payload.sha256().unwrap());
    assert!(
        server.requests().iter().all(|request| request.refused.is_none() && request.header("x-amz-date").is_some())
    );
}

#[test]
fn buildkit_3749_accept_encoding_is_not_signed() {
    let server = Server::start();
    export(&cache(&server, ""), "min").unwrap();
    for request in server.requests() {
        let (_, signed) = request.header("authorization").unwrap().split_once("SignedHeaders=").unwrap();
        assert!(!signed.split_once(',').unwrap().0.contains("accept-encoding"), "{signed}");
    }
}

#[test]
fn buildkit_6373_and_6970_no_checksum_unknown_to_stores_is_sent() {
    let server = Server::start();
    export(&cache(&server, ""), "max").unwrap();
    let odd =
        |name: &str| name.starts_with("x-amz-checksum") || name.starts_with("x-amz-sdk") || name == "x-amz-trailer";
    assert!(server.requests().iter().all(|request| !request.headers.iter().any(|(name, _)| odd(name))));
    assert!(server.requests().iter().all(|request| request.header("content-encoding").is_none()));
}

/// Nothing is read or sent if the bucket does not exist, however blobs are looked up.
#[test]
fn a_missing_bucket_is_reported_before_any_upload() {
    for fixture in ["max", "min"] {
        let server = Server::start();
        let error = export(&elsewhere(&server), fixture).unwrap_err();
        told(&error, ErrorKind::NoSuchBucket, &["absent", "check bucket"]);
        let requests = server.requests();
        assert!(requests.len() == 1 && requests[0].method == "GET", "{requests:?}");
    }
    // Also if listing is not permitted and the blobs are looked up one by one.
    let server = Server::start();
    server.fault(Match::operation(Operation::ListObjectsV2), reply(403, "AccessDenied"));
    told(&export(&elsewhere(&server), "max").unwrap_err(), ErrorKind::NoSuchBucket, &["absent"]);
    assert!(server.requests().iter().all(|request| request.method == "GET"));
}
