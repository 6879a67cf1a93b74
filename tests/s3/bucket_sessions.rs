//! The sessions that the requests to a directory bucket need.

use std::sync::Arc;
use std::time::{Duration, Instant};

use s3_build_cache::env::MapEnv;
use s3_build_cache::object::{BytesPayload, ListOptions, ObjectStore, PutMode};
use s3_build_cache::{Cancel, ErrorKind, ExportOptions, ImportOutcome, LocalCache};

use crate::conformance::fetch;
use crate::s3::blobs::{Blobs, PART, small_parts};
use crate::s3::errors::told;
use crate::s3::sessions::Time;
use crate::s3::{builder, cache, export};
use crate::s3_server::{Config, Directory, Failure, Fault, Match, Operation, Recorded, Server};

pub(super) fn server() -> Server {
    Server::with(config())
}

/// A directory bucket that takes small parts.
pub(super) fn config() -> Config {
    Config { min_part: PART as u64, ..Config::directory(Directory::default()) }
}

pub(super) fn sessions(requests: &[Recorded]) -> Vec<&str> {
    let created = requests.iter().filter(|request| request.operation == Operation::CreateSession);
    created.map(|request| request.header("x-amz-create-session-mode").unwrap()).collect()
}

pub(super) fn refused(requests: &[Recorded]) -> Vec<(Operation, &str)> {
    requests.iter().filter_map(|request| Some((request.operation, request.refused.as_deref()?))).collect()
}

#[test]
fn imports_need_a_session_for_reads_only() {
    let server = server();
    export(&cache(&server, ""), "max").unwrap();
    let written = server.take_requests();
    assert_eq!(sessions(&written), ["ReadWrite"], "an export needs one session");
    let work = tempfile::tempdir().unwrap();
    let restored = cache(&server, "").import(&LocalCache::create(work.path().join("restored"), "latest"));
    assert!(matches!(restored, Ok(ImportOutcome::Restored(_))), "{restored:?}");
    let read = server.take_requests();
    assert_eq!(sessions(&read), ["ReadOnly"]);
    for request in written.iter().chain(&read) {
        let in_session = request.header("x-amz-s3session-token").is_some();
        let by_base_keys =
            matches!(request.operation, Operation::CreateSession | Operation::CopyObject | Operation::UploadPartCopy);
        assert_eq!(in_session, !by_base_keys, "{request:?}");
        assert_eq!(request.header("content-md5"), None);
    }
    assert_eq!((refused(&written), refused(&read)), (vec![], vec![]));
}

#[test]
fn a_cache_that_writes_after_it_has_read_uses_its_new_session_for_both() {
    let server = server();
    let store = cache(&server, "").store().clone();
    store.head("a").unwrap();
    store.put("a", &BytesPayload::new(b"a".to_vec()), &PutMode::Overwrite).unwrap();
    store.head("a").unwrap();
    store.copy("a", "b", &store.head("a").unwrap().unwrap()).unwrap();
    assert_eq!(sessions(&server.requests()), ["ReadOnly", "ReadWrite"]);
}

#[test]
fn credentials_that_may_only_read_import_but_do_not_export() {
    let server = Server::with(Config::directory(Directory { only: Some("ReadOnly"), ..Directory::default() }));
    let opened = cache(&server, "");
    let error = export(&opened, "max").unwrap_err();
    told(&error, ErrorKind::Access, &["CreateSession", "allow s3express:CreateSession"]);
    assert_eq!(server.requests().len(), 1, "it fails early");
    let work = tempfile::tempdir().unwrap();
    let imported = opened.import(&LocalCache::create(work.path().join("restored"), "latest"));
    assert!(matches!(imported, Ok(ImportOutcome::Miss)), "{imported:?}");
    assert!(server.keys().is_empty());
}

#[test]
fn many_threads_need_one_session() {
    let server = server();
    let blobs = Blobs::of(&[40 * PART, 40 * PART, 10, 11, 12, 13, 14, 15]);
    let opened = builder(&server, "").tuning(small_parts()).connections(16).open().unwrap();
    opened.export_config(&blobs.config, &blobs, &ExportOptions::new()).unwrap_or_else(|e| panic!("{}", e.chain()));
    blobs.are_in(&server);
    let requests = server.take_requests();
    assert_eq!(sessions(&requests).len(), 1);
    assert_eq!(refused(&requests), []);
    // All at once, without a session.
    let store = cache(&server, "").store().clone();
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| store.head("a").unwrap());
        }
    });
    assert_eq!(sessions(&server.requests()), ["ReadOnly"]);
}

#[test]
fn a_session_that_the_server_refuses_is_replaced_once() {
    let server = server();
    let store = cache(&server, "").store().clone();
    store.list_page("", &ListOptions::default()).unwrap();
    server.end_sessions();
    store.list_page("", &ListOptions::default()).unwrap();
    assert_eq!(sessions(&server.take_requests()).len(), 2);
    for (status, code) in
        [(400, "ExpiredToken"), (400, "InvalidToken"), (403, "InvalidAccessKeyId"), (400, "RequestExpired")]
    {
        let failure = Failure::new(status, code, "The session is not valid");
        store.list_page("", &ListOptions::default()).unwrap();
        server.take_requests();
        server.fault(Match::operation(Operation::ListObjectsV2), Fault::Reply(failure.clone()));
        store.list_page("", &ListOptions::default()).unwrap();
        assert_eq!(sessions(&server.take_requests()).len(), 1, "{code}");
        server.fault(Match::operation(Operation::ListObjectsV2).times(9), Fault::Reply(failure));
        let error = store.list_page("", &ListOptions::default()).unwrap_err();
        let told = format!("{} | {}", error.chain(), error.hint().unwrap());
        assert!(told.contains("the store refuses the session"), "{told}");
        let requests = server.take_requests();
        assert_eq!((sessions(&requests).len(), requests.len()), (1, 3), "{code}");
        server.clear_faults();
    }
}

#[test]
fn refusals_of_a_session_are_reported_with_their_fix() {
    let server = server();
    for (failure, kind, parts) in [
        (Failure::new(403, "AccessDenied", "Access Denied"), ErrorKind::Access, "allow s3express:CreateSession"),
        (Failure::new(404, "NoSuchBucket", "no bucket"), ErrorKind::NoSuchBucket, "there is no bucket"),
        (
            Failure::new(400, "ExpiredToken", "expired"),
            ErrorKind::Access,
            "the session has expired: get new credentials",
        ),
        (Failure::new(503, "SlowDown", "slow"), ErrorKind::Store, "fewer requests"),
    ] {
        server.fault(Match::operation(Operation::CreateSession).times(9), Fault::Reply(failure));
        told(&cache(&server, "").store().head("a").unwrap_err(), kind, &["CreateSession", parts]);
        server.clear_faults();
    }
    // A failure that passes is retried.
    server.fault(Match::operation(Operation::CreateSession), Fault::Reply(Failure::new(500, "InternalError", "oops")));
    cache(&server, "").store().head("a").unwrap();
}

#[test]
fn a_zone_of_another_region_is_named() {
    let server = Server::with(Config { region: "eu-west-1".into(), ..config() });
    server.fault(
        Match::operation(Operation::CreateSession).times(9),
        Fault::Reply(Failure::new(404, "NoSuchBucket", "no")),
    );
    let error = cache(&server, "").store().head("a").unwrap_err();
    let hint = error.hint().unwrap();
    assert!(hint.contains("zone use1-az4") && hint.contains("set region=us-east-1"), "{hint}");
}

#[test]
fn an_expired_answer_is_an_error() {
    let server = Server::with(Config::directory(Directory { session_seconds: -1, ..Directory::default() }));
    let error = cache(&server, "").store().head("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Access);
    assert!(error.to_string().contains("has already expired"), "{error}");
    assert_eq!(sessions(&server.requests()).len(), 1);
}

#[test]
fn a_wrong_clock_is_corrected_for_sessions_too() {
    for clock_ahead in [3600, -3600, 600, -600] {
        let server = Server::with(Config { clock_ahead, ..config() });
        let store = cache(&server, "").store().clone();
        store.head("a").unwrap();
        store.head("b").unwrap();
        let requests = server.requests();
        let created = requests.iter().filter(|request| request.operation == Operation::CreateSession);
        assert_eq!(created.filter(|request| request.status == 200).count(), 1, "{clock_ahead}");
    }
}

#[test]
fn without_sessions_requests_are_signed_with_the_base_keys() {
    let server = Server::with(Config::directory(Directory { base_keys: true, ..Directory::default() }));
    let keys = server.credentials();
    let env = MapEnv::new([
        ("AWS_ACCESS_KEY_ID", keys.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key),
        ("AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "true"),
    ]);
    let opened = builder(&server, ",server_side_encryption=AES256").env(env).open().unwrap();
    export(&opened, "max").unwrap();
    let requests = server.requests();
    assert_eq!((sessions(&requests), refused(&requests)), (vec![], vec![]));
    let put = requests.iter().find(|request| request.operation == Operation::PutObject).unwrap();
    assert_eq!(put.header("x-amz-server-side-encryption"), Some("AES256"));
}

#[test]
fn encryption_is_a_property_of_the_session() {
    let server = server();
    let attributes = ",server_side_encryption=aws:kms,sse_kms_key_id=key-1,storage_class=EXPRESS_ONEZONE";
    let opened = builder(&server, attributes).tuning(small_parts()).open().unwrap();
    let blobs = Blobs::of(&[3 * PART, 10]);
    opened.export_config(&blobs.config, &blobs, &ExportOptions::new()).unwrap();
    let requests = server.requests();
    assert_eq!(refused(&requests), []);
    for request in &requests {
        let sent = request.header("x-amz-server-side-encryption-aws-kms-key-id").is_some();
        let expected = matches!(request.operation, Operation::CreateSession | Operation::CopyObject);
        assert_eq!(sent, expected, "{request:?}");
    }
    for key in server.keys() {
        let headers = server.object_headers(&key).unwrap();
        assert!(headers.contains(&("x-amz-server-side-encryption".into(), "aws:kms".into())), "{key}: {headers:?}");
    }
}

#[test]
fn presigned_urls_belong_to_the_session() {
    let server = server();
    let store = cache(&server, "").store().clone();
    server.put_object("dir/a b", b"hello");
    let url = store.presign_get("dir/a b", Duration::from_secs(60)).unwrap();
    assert!(url.contains("X-Amz-S3session-Token=") && !url.contains("X-Amz-Security-Token"), "{url}");
    assert_eq!(fetch(&url), (200, b"hello".to_vec()));
    assert_eq!(sessions(&server.take_requests()), ["ReadOnly"]);
    server.end_sessions();
    assert_eq!(fetch(&url).0, 403);
}

/// Uploads and downloads many parts while the time passes. Returns the time passed, and the requests.
fn transfer(step_millis: u64, connections: usize) -> (Duration, Vec<Recorded>) {
    let (server, began) = (Arc::new(server()), Instant::now());
    let time = Arc::new(Time::new(server.clone(), step_millis));
    let opened =
        builder(&server, "").clock(time.clone()).tuning(small_parts()).connections(connections).open().unwrap();
    let blobs = Blobs::of(&[200 * PART, 40 * PART + 1, 10]);
    opened.export_config(&blobs.config, &blobs, &ExportOptions::new()).unwrap_or_else(|e| panic!("{}", e.chain()));
    blobs.are_in(&server);
    let work = tempfile::tempdir().unwrap();
    match opened.import(&LocalCache::create(work.path().join("restored"), "latest")) {
        Ok(ImportOutcome::Restored(report)) => assert_eq!(report.blobs.transferred, 3),
        other => panic!("{other:?}"),
    }
    (time.passed() + began.elapsed(), server.requests())
}

#[test]
fn a_transfer_needs_a_session_every_five_minutes() {
    let (passed, requests) = transfer(1000, 1);
    let (count, seconds) = (sessions(&requests).len() as u64, passed.as_secs());
    assert!(seconds > 1500 && count > seconds / 300, "{count} in {passed:?}");
    assert!(count <= 1 + seconds / 225, "{count} in {passed:?}");
    assert_eq!(refused(&requests), []);
}

/// A request that is in transit for long may arrive after its session has ended; it is sent again with the next one.
#[test]
fn many_connections_need_no_more_sessions_than_one() {
    let (passed, requests) = transfer(200, 8);
    let (count, seconds) = (sessions(&requests).len(), passed.as_secs());
    let late = refused(&requests).len();
    assert!(seconds > 300 && count > 1, "{count} in {passed:?}");
    assert!(count <= 2 + usize::try_from(seconds / 225).unwrap() + late, "{count} in {passed:?}, {late} late");
}

/// While the server creates no session, the last one is used until shortly before it ends.
#[test]
fn a_session_outlives_a_failed_refresh() {
    let server = Arc::new(server());
    let time = Arc::new(Time::new(server.clone(), 0));
    let store = builder(&server, ",retry_max_attempts=1").clock(time.clone()).open().unwrap().store().clone();
    store.head("a").unwrap();
    let denied = Failure::new(403, "AccessDenied", "Access Denied");
    server.fault(Match::operation(Operation::CreateSession).always(), Fault::Reply(denied));
    server.take_requests();
    time.pass(235_000);
    store.head("a").unwrap();
    assert_eq!(sessions(&server.take_requests()).len(), 0, "65 seconds are left");
    for _ in 0..5 {
        time.pass(10_000);
        store.head("a").unwrap();
    }
    let asked = sessions(&server.take_requests()).len();
    assert!((1..=5).contains(&asked), "{asked}");
    time.pass(6_000);
    assert_eq!(store.head("a").unwrap_err().kind(), ErrorKind::Access);
    server.clear_faults();
    store.head("a").unwrap();
}

/// Clean-up has a few seconds, also if it needs a session first.
#[test]
fn an_unanswered_session_does_not_delay_cancellation() {
    let (server, cancel) = (server(), Cancel::new());
    let opened = builder(&server, "").cancel(cancel.clone()).open().unwrap();
    let upload = opened.store().put_in_parts("blobs/x", 2 * PART as u64, &PutMode::Overwrite).unwrap();
    server.end_sessions();
    server.fault(Match::operation(Operation::CreateSession).always(), Fault::Delay(Duration::from_secs(300)));
    cancel.cancel();
    let start = Instant::now();
    drop(upload);
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    let last = server.requests().last().map(|request| request.operation);
    assert_eq!(last, Some(Operation::CreateSession));
}
