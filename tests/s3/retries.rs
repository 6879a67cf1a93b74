//! Transient and persistent faults of each operation: the number of requests, and the result or the error.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use s3_build_cache::object::{BytesPayload, GetOptions, ListOptions, ObjectMeta, Payload, PutMode};
use s3_build_cache::time::Clock;
use s3_build_cache::{Cancel, ErrorKind, Result, S3Cache};

use crate::loopback::Loopback;
use crate::s3::errors::told;
use crate::s3::{TestClock, builder, cache, elsewhere, export};
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
const ALL: [(Operation, Step); 6] = [HEAD, GET, PUT, COPY, LIST, DELETE];

fn holding() -> Server {
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

/// The server closed any number of idle connections, and none counts as a failed attempt.
#[test]
fn stale_connections_are_replaced_at_once() {
    for target in ALL {
        let server = holding();
        let clock = Arc::new(TestClock::default());
        let opened = builder(&server, ",retry_max_attempts=1").clock(clock.clone()).open().unwrap();
        server.fault(Match::any(), Fault::ResetNext);
        opened.store().list_page("", &ListOptions::default()).unwrap();
        (target.1)(&opened).unwrap_or_else(|error| panic!("{:?}: {}", target.0, error.chain()));
        assert_eq!(server.requests().len(), 2, "{:?}", target.0);
        assert!(clock.slept.lock().unwrap().iter().all(Duration::is_zero));
    }
}

#[test]
fn excess_bytes_in_a_response_do_not_affect_the_next_request() {
    for target in ALL {
        let server = holding();
        let opened = builder(&server, ",retry_max_attempts=1").open().unwrap();
        server.fault(Match::operation(Operation::ListObjectsV2), Fault::Overlong(50));
        opened.store().list_page("blobs/", &ListOptions::default()).unwrap();
        (target.1)(&opened).unwrap_or_else(|error| panic!("{:?}: {}", target.0, error.chain()));
    }
}

fn slept(server: &Server, more: &str, fault: Fault) -> Vec<Duration> {
    let clock = Arc::new(TestClock::default());
    let opened = builder(server, more).clock(clock.clone()).open().unwrap();
    server.fault(Match::any(), fault);
    opened.store().list_page("", &ListOptions::default()).unwrap();
    clock.slept.lock().unwrap().clone()
}

#[test]
fn the_server_can_set_the_retry_delay() {
    let seconds = Duration::from_secs;
    for (header, value, least, most) in [
        ("retry-after", "20", seconds(20), seconds(20)),
        ("retry-after", "600", seconds(30), seconds(30)),
        ("retry-after", "0", seconds(0), seconds(2)),
        ("retry-after", "soon", seconds(0), seconds(2)),
        ("x-amz-retry-after", "3000", seconds(3), seconds(3)),
        ("x-amz-retry-after", "600000", seconds(5), seconds(7)),
    ] {
        let slept = slept(&holding(), "", Fault::slow_down_for(header, value));
        assert_eq!(slept.len(), 1, "{header} {value}");
        assert!((least..=most).contains(&slept[0]), "{header} {value}: {slept:?}");
    }
}

#[test]
fn retry_max_attempts_includes_the_first_attempt() {
    for attempts in [1, 2, 6] {
        let server = holding();
        server.fault(Match::any().always(), Fault::internal_error());
        let error = cache(&server, &format!(",retry_max_attempts={attempts}"))
            .store()
            .list_page("", &ListOptions::default())
            .unwrap_err();
        assert_eq!(server.requests().len(), attempts);
        if attempts > 1 {
            assert!(error.to_string().contains(&format!("after {attempts} attempts")), "{error}");
        }
    }
}

/// 500 tokens pay for 100 retries, so a server that fails every request does not receive each one three times.
#[test]
fn retries_stop_after_too_many_failures() {
    let server = holding();
    server.fault(Match::any().always(), Fault::internal_error());
    let opened = cache(&server, "");
    for _ in 0..50 {
        opened.store().list_page("", &ListOptions::default()).unwrap_err();
    }
    assert_eq!(server.take_requests().len(), 150);
    let error = opened.store().list_page("", &ListOptions::default()).unwrap_err();
    told(&error, ErrorKind::Store, &["InternalError", "too many requests have failed"]);
    assert_eq!(server.take_requests().len(), 1);
    // Five successes pay for one retry.
    server.clear_faults();
    for _ in 0..5 {
        opened.store().list_page("", &ListOptions::default()).unwrap();
    }
    server.take_requests();
    server.fault(Match::any(), Fault::internal_error());
    opened.store().list_page("", &ListOptions::default()).unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn adaptive_mode_limits_the_rate_after_throttling() {
    let pauses = |mode: &str| {
        let server = holding();
        let clock = Arc::new(TestClock::default());
        let opened = builder(&server, &format!(",retry_mode={mode}")).clock(clock.clone()).open().unwrap();
        opened.store().list_page("", &ListOptions::default()).unwrap();
        assert!(clock.slept.lock().unwrap().is_empty(), "{mode}");
        server.fault(Match::any(), Fault::slow_down());
        for _ in 0..5 {
            opened.store().list_page("", &ListOptions::default()).unwrap();
        }
        assert_eq!(server.requests().len(), 7, "{mode}");
        clock.slept.lock().unwrap().len()
    };
    assert_eq!(pauses("standard"), 1);
    assert!(pauses("adaptive") >= 3);
}

/// Cancels instead of sleeping.
struct Impatient(Cancel);

impl Clock for Impatient {
    fn now(&self) -> std::time::SystemTime {
        std::time::SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration, _: &Cancel) {
        self.0.cancel();
    }
}

#[test]
fn a_pause_can_be_cancelled() {
    for mode in ["standard", "adaptive"] {
        let server = holding();
        server.fault(Match::any().always(), Fault::slow_down());
        let cancel = Cancel::new();
        let clock = Arc::new(Impatient(cancel.clone()));
        let opened = builder(&server, &format!(",retry_mode={mode}")).clock(clock).cancel(cancel).open().unwrap();
        assert_eq!(opened.store().list_page("", &ListOptions::default()).unwrap_err().kind(), ErrorKind::Cancelled);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_refused_connection_is_retried_and_a_failed_tls_handshake_is_not() {
    let server = holding();
    let with = |endpoint: &str| {
        let mut options = cache(&server, "").options().to_builder();
        options.location.endpoint = Some(endpoint.parse().unwrap());
        let clock = Arc::new(TestClock::default());
        let keys = server.credentials();
        let secret = s3_build_cache::credentials::Secret::from(keys.secret_access_key);
        let provider = s3_build_cache::credentials::StaticCredentials::new(&keys.access_key_id, &secret, None);
        S3Cache::builder(&options.build().unwrap()).credentials(Arc::new(provider)).clock(clock).open().unwrap()
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = with(&format!("http://{free}"));
    told(
        &refused.store().list_page("", &ListOptions::default()).unwrap_err(),
        ErrorKind::Network,
        &["after 3 attempts", "nothing listens"],
    );
    let plain = Loopback::serving(1, |mut stream| {
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let tls = with(&format!("https://{}", plain.address));
    told(
        &tls.store().list_page("", &ListOptions::default()).unwrap_err(),
        ErrorKind::Network,
        &["plain HTTP", "http://"],
    );
    assert_eq!(tls.requests(), 1);
    drop(tls);
    plain.join();
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
    assert_eq!(s3_build_cache::Digest::of(&server.object("blobs/y").unwrap()), payload.sha256());
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
