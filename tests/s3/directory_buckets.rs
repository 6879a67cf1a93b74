//! Directory buckets (S3 Express One Zone): listings by directory, and what these buckets refuse.

use std::time::Duration;

use s3_build_cache::doctor::{CheckOutcome, DoctorOptions};
use s3_build_cache::inspect::Names;
use s3_build_cache::object::{BytesPayload, ListOptions, ObjectStore, PutMode};
use s3_build_cache::prune::PruneOptions;
use s3_build_cache::serve::{Mount, ServeOptions};
use s3_build_cache::{ErrorKind, LocalCache};

use crate::conformance::{self, Quirks};
use crate::s3::bucket_sessions::{config, refused, server, sessions};
use crate::s3::merge::is_sound;
use crate::s3::{builder, cache, export, fixture, in_bucket};
use crate::s3_server::{Config, Failure, Fault, Match, Operation, Server};
use crate::serve::Serving;
use crate::serve::client::{Client, import as import_as_docker};
use crate::serve::push::pusher::Cache;

#[test]
fn the_client_passes_the_conformance_suite() {
    let server = server();
    conformance::run(&**cache(&server, "").store(), &Quirks::default());
    conformance::missing_bucket(&**in_bucket(&server, "absent--use1-az4--x-s3").store(), &Quirks::default());
    assert!(server.keys().is_empty());
    let requests = server.requests();
    let wrong = |code: &str| !code.contains("SHA256") && !code.contains("Sha256") && code != "NoSuchBucket";
    let refused: Vec<_> = refused(&requests).into_iter().filter(|(_, code)| wrong(code)).collect();
    // The suite forges a URL.
    assert!(refused.iter().all(|(operation, _)| *operation == Operation::GetObject), "{refused:?}");
    conformance::paging(&**cache(&server, "").store());
}

#[test]
fn what_directory_buckets_lack_is_refused_before_any_request() {
    let server = server();
    for (attribute, name) in
        [(",storage_class=STANDARD_IA", "storage_class=STANDARD_IA"), (",request_payer=requester", "request_payer")]
    {
        let error = builder(&server, attribute).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(name) && error.to_string().contains("directory bucket"), "{error}");
    }
}

#[test]
fn listings_are_by_directory_and_in_no_order() {
    let server = Server::with(Config { page_size: 7, ..config() });
    for number in 0..50 {
        server.put_object(&format!("m/app-{number:02}"), b"x");
        server.put_object(&format!("m/dir/{number:02}"), b"x");
    }
    let store = cache(&server, "").store().clone();
    let list = |prefix: &str, after: Option<&str>| {
        let keys: Result<Vec<String>, _> =
            store.objects(prefix, after).map(|object| object.map(|object| object.key)).collect();
        keys.unwrap()
    };
    assert_eq!((list("m/", None).len(), list("m/app-1", None).len(), list("", None).len()), (100, 10, 100));
    assert!(!list("m/", None).is_sorted());
    let mut after = list("m/app-", Some("m/app-46"));
    after.sort();
    assert_eq!(after, ["m/app-47", "m/app-48", "m/app-49"]);
    let page = store.list_page("m/app-1", &ListOptions::default().max_keys(5)).unwrap();
    assert!(page.objects.len() <= 5 && page.continuation.is_some() && !page.incomplete);
    let keys = ["u/a", "u/a", "u/b c", "u/d", "v/e"];
    let open: Vec<_> =
        (0..4).flat_map(|_| keys).map(|key| store.put_in_parts(key, 1, &PutMode::Overwrite).unwrap()).collect();
    assert_eq!((store.uploads("u/").count(), store.uploads("u/a").count(), store.uploads("").count()), (16, 8, 20));
    drop(open);
    assert_eq!(refused(&server.requests()), []);
}

#[test]
fn caches_of_many_pages_are_exported_verified_and_pruned() {
    let server = Server::with(Config { page_size: 3, ..config() });
    let opened = builder(&server, "").connections(8).open().unwrap();
    export(&opened, "max").unwrap();
    let keys = server.keys();
    assert_eq!(export(&opened, "max").unwrap().blobs.transferred, 0);
    is_sound(&opened);
    let unused = format!("blobs/sha256:{}", "0".repeat(64));
    server.put_object(&unused, b"x");
    server.set_age(&unused, Duration::from_secs(90 * 24 * 3600));
    let plan = opened.plan_prune(&[], &PruneOptions::default()).unwrap();
    opened.prune(plan, |_| ()).unwrap();
    assert!(keys.iter().all(|key| server.keys().contains(key)));
    assert_eq!(refused(&server.requests()), []);
    let names = opened.plan_remove(&Names::all()).unwrap();
    opened.remove(&names, |_| ()).unwrap();
    assert!(!server.keys().iter().any(|key| key.starts_with("manifests/")));
}

/// A condition may fail after the server has sent status 200.
#[test]
fn a_condition_that_fails_after_status_200_is_a_failed_condition() {
    for server in [server(), Server::start()] {
        let store = cache(&server, "").store().clone();
        let payload = BytesPayload::new(b"x".to_vec());
        let failure = || Fault::Reply(Failure::new(200, "PreconditionFailed", "did not hold"));
        server.fault(Match::operation(Operation::PutObject), failure());
        let error = store.put("a", &payload, &PutMode::Create).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{}", error.chain());
        server.fault(Match::operation(Operation::CompleteMultipartUpload), failure());
        let upload = store.put_in_parts("a", 1, &PutMode::Create).unwrap();
        upload.put_part(1, 0, &payload).unwrap();
        let error = upload.complete().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{}", error.chain());
        assert_eq!(server.pending_faults(), 0);
    }
}

#[test]
fn the_fixture_survives_a_round_trip() {
    let server = server();
    export(&cache(&server, ""), "max-index").unwrap();
    let work = tempfile::tempdir().unwrap();
    let target = LocalCache::create(work.path().join("restored"), "latest");
    cache(&server, "").import(&target).unwrap();
    let restored = LocalCache::open(work.path().join("restored"), "latest").unwrap();
    assert_eq!(restored.load().unwrap().blobs(), fixture("max-index").load().unwrap().blobs());
}

#[test]
fn a_served_directory_bucket_is_read_and_pushed_to() {
    let server = server();
    let pushed = Cache::fixture("max");
    let writable = Mount::writable("export", cache(&server, ",name=app"));
    let serving = Serving::start(vec![writable], &ServeOptions::new());
    pushed.push(&mut Client::new(serving.address), "export", "app");
    drop(serving);
    let requests = server.take_requests();
    assert_eq!((sessions(&requests), refused(&requests)), (vec!["ReadWrite"], vec![]));
    let serving = Serving::names(cache(&server, ",name=app"));
    import_as_docker(serving.address, "cache:app");
    drop(serving);
    let requests = server.take_requests();
    assert_eq!((sessions(&requests), refused(&requests)), (vec!["ReadOnly"], vec![]));
}

#[test]
fn a_diagnosis_shows_the_session() {
    let server = server();
    for (write, mode) in [(false, "ReadOnly"), (true, "ReadWrite")] {
        let mut checks = Vec::new();
        builder(&server, "").diagnose(&DoctorOptions::new().write(write), |check| checks.push(check.clone()));
        let session = checks.iter().find(|check| check.name == "session").unwrap();
        assert!(session.detail.starts_with(mode) && session.detail.contains("expires at"), "{session:?}");
        assert_eq!(session.facts[0], ("session_mode", mode.to_owned()));
        assert!(session.facts[1].0 == "session_expires" && session.facts[1].1.ends_with('Z'), "{session:?}");
        let failed = checks.iter().any(|check| matches!(check.outcome, CheckOutcome::Failed(_)));
        assert!(!failed, "{checks:#?}");
    }
    let denied = Failure::new(403, "AccessDenied", "Access Denied");
    server.fault(Match::operation(Operation::CreateSession).always(), Fault::Reply(denied));
    let mut checks = Vec::new();
    builder(&server, "").diagnose(&DoctorOptions::new(), |check| checks.push(check.clone()));
    let failed: Vec<_> = checks.iter().filter(|check| matches!(check.outcome, CheckOutcome::Failed(_))).collect();
    assert_eq!(failed.iter().map(|check| check.name).collect::<Vec<_>>(), ["session"]);
    assert!(failed[0].hint.as_ref().unwrap().contains("s3express:CreateSession"), "{failed:?}");
}
