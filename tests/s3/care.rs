//! Looking after a bucket: what is listed, verified and repaired while others write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use s3_build_cache::inspect::{BlobState, Names};
use s3_build_cache::progress::{Event, Step};
use s3_build_cache::verify::Defect;
use s3_build_cache::{Digest, ErrorKind};

use crate::s3::blobs::{Blobs, noise};
use crate::s3::merge::{export, is_sound, job};
use crate::s3::{builder, cache};
use crate::s3_server::{Conditions, Config, Failure, Fault, Match, Operation, Server};

/// A server with small pages that holds two jobs, and this many blobs that no manifest references.
fn holding(page_size: usize, unreferenced: u32) -> Server {
    let server = Server::with(Config { page_size, ..Config::default() });
    for (number, name) in [(0, "main"), (1, "pr-1")] {
        export(&cache(&server, &format!(",name={name}")), &job(number)).unwrap();
    }
    for number in 0..unreferenced {
        server.put_object(&format!("blobs/{}", Digest::of(&number.to_be_bytes())), b"x");
    }
    server.take_requests();
    server
}

#[test]
fn many_blobs_are_listed_in_ranges_with_few_more_requests() {
    let server = holding(50, 4000);
    server.put_object("blobs/", b"");
    server.put_object("blobs/probe", b"123");
    let usage = cache(&server, "").disk_usage(&Names::all()).unwrap();
    assert_eq!((usage.total.blobs, usage.unreferenced.blobs, usage.others.blobs), (4003, 4000, 1));
    assert_eq!((usage.shared.bytes, usage.referenced.bytes, usage.others.bytes), (100, 500, 3));
    let requests = server.take_requests();
    let pages = requests.iter().filter(|request| request.query.contains("prefix=blobs"));
    let ranges = pages.clone().filter(|request| request.query.contains("start-after")).count();
    assert!((81..=81 + 16).contains(&pages.count()), "{}", requests.len());
    assert!((8..16).contains(&ranges), "{ranges}");
    assert_eq!(usage.requests, requests.len() as u64);
}

#[test]
fn a_page_that_fails_is_requested_again() {
    let server = holding(50, 1000);
    server.fault(Match::operation(Operation::ListObjectsV2).times(7), Fault::slow_down());
    let usage = cache(&server, "").disk_usage(&Names::all()).unwrap();
    assert_eq!((usage.total.blobs, server.pending_faults()), (1003, 0));
}

/// An export that ends after the blobs were listed must not look as if its blobs were missing.
#[test]
fn a_manifest_that_was_written_after_the_listing_misses_nothing() {
    let server = Arc::new(holding(1000, 0));
    let (other, done) = (Arc::clone(&server), AtomicBool::new(false));
    let progress = move |event: &Event<'_>| {
        if matches!(event, Event::Counted { step: Step::ListBlobs, .. }) && !done.swap(true, Ordering::SeqCst) {
            job(2).put_into(&other);
        }
    };
    let cache = builder(&server, "").progress(progress).open().unwrap();
    let manifests = cache.list_manifests(&Names::all()).unwrap();
    let late = manifests.iter().find(|manifest| manifest.name == "buildkit").expect("the manifest was listed");
    assert_eq!((late.missing.blobs, late.referenced.blobs, late.own.blobs), (0, 2, 1));
}

/// They may be late, but a request for each would take minutes.
#[test]
fn many_missing_blobs_cost_few_requests() {
    let server = holding(1000, 0);
    let sizes: Vec<usize> = (1..=100).collect();
    let blobs = Blobs::seeded(1000, &sizes);
    server.put_object("manifests/lost", &blobs.config.to_s3_json());
    let usage = cache(&server, "").disk_usage(&Names::all()).unwrap();
    assert_eq!(usage.manifests.iter().map(|manifest| manifest.missing.blobs).collect::<Vec<_>>(), [100, 0, 0]);
    assert!(usage.requests < 10, "{}", usage.requests);
    // All are gone, and the manifest is too old for blobs that were uploaded since they were listed.
    for key in server.keys().iter().filter(|key| !key.ends_with("lost")) {
        server.remove(key);
    }
    server.set_age("manifests/lost", Duration::from_secs(3600));
    let usage = cache(&server, "").disk_usage(&Names::all()).unwrap();
    assert_eq!((usage.manifests[0].missing.blobs, usage.requests), (100, 3));
}

#[test]
fn a_single_manifest_is_verified_without_listing_a_large_bucket() {
    let server = holding(50, 4000);
    let cache = cache(&server, ",name=main");
    let verification = cache.verify(&Names::of(cache.options().keys()), false).unwrap();
    assert!(verification.is_clean());
    assert_eq!((verification.manifests, verification.blobs), (1, 2));
    assert!(verification.requests < 10, "{}", verification.requests);
}

#[test]
fn archived_blobs_are_found_unless_they_are_restored() {
    let server = holding(1000, 0);
    let (blobs, shared) = (job(0), Digest::of(&noise(1, 100)));
    server.put_object_with(&format!("blobs/{shared}"), &blobs.bytes[&shared], &[("x-amz-storage-class", "GLACIER")]);
    let cache = cache(&server, "");
    let verification = cache.verify(&Names::all(), true).unwrap();
    assert_eq!(verification.findings.len(), 1);
    assert!(matches!(verification.findings[0].defect, Defect::Archived));
    let names: Vec<&str> = verification.findings[0].manifests.iter().map(|name| &**name).collect();
    assert_eq!(names, ["main", "pr-1"]);
    // It may be restored, so the manifests keep it.
    assert!(verification.plan().steps.is_empty());
    assert_eq!(cache.repair(&verification.plan(), |_| ()).unwrap().len(), 1);
    let layers = cache.show_manifest("main").unwrap().unwrap().layers;
    assert!(layers.iter().any(|layer| layer.state == BlobState::Archived));
}

#[test]
fn a_manifest_that_changed_since_it_was_checked_is_not_rewritten() {
    for conditions in [Conditions::Checked, Conditions::Ignored, Conditions::Refused] {
        let server = Server::with(Config { conditions, ..Config::default() });
        export(&cache(&server, ",name=main"), &job(0)).unwrap();
        server.remove(&format!("blobs/{}", Digest::of(&noise(100, 200))));
        let cache = cache(&server, "");
        let verification = cache.verify(&Names::all(), false).unwrap();
        assert_eq!(verification.plan().steps.len(), 1);
        let newer = job(5).config.to_s3_json();
        server.put_object("manifests/main", &newer);
        let mut steps = 0;
        let remaining = cache.repair(&verification.plan(), |_| steps += 1).unwrap();
        assert_eq!((remaining.len(), steps), (1, 0));
        assert_eq!(server.object("manifests/main").unwrap(), newer);
    }
}

/// An export that uploads the blob again may write the same manifest, with the same entity tag.
#[test]
fn a_blob_that_was_uploaded_again_is_not_lost() {
    let server = holding(1000, 0);
    let own = Digest::of(&noise(100, 200));
    server.remove(&format!("blobs/{own}"));
    let cache = cache(&server, "");
    let plan = cache.verify(&Names::all(), false).unwrap().plan();
    let before = server.object("manifests/main").unwrap();
    job(0).put_into(&server);
    assert!(cache.repair(&plan, |_| ()).unwrap().is_empty());
    assert_eq!(server.object("manifests/main").unwrap(), before);
    is_sound(&cache);
}

#[test]
fn a_corrupt_blob_that_was_replaced_since_is_not_deleted() {
    let server = holding(1000, 0);
    let (digest, bytes) = (Digest::of(&noise(100, 200)), noise(100, 200));
    let key = format!("blobs/{digest}");
    server.put_object(&key, &noise(3, 200));
    let cache = cache(&server, "");
    let verification = cache.verify(&Names::all(), true).unwrap();
    assert!(matches!(verification.findings[0].defect, Defect::Corrupt { .. }));
    server.put_object(&key, &bytes);
    assert!(cache.repair(&verification.plan(), |_| ()).unwrap().is_empty());
    assert_eq!(server.object(&key).unwrap(), bytes);
}

/// The answer to the deletion may be lost, and an export may upload the blob before the next attempt.
#[test]
fn no_corrupt_blob_is_deleted_without_a_look_right_before_it() {
    let server = holding(1000, 0);
    let key = format!("blobs/{}", Digest::of(&noise(100, 200)));
    server.put_object(&key, &noise(3, 200));
    let cache = cache(&server, "");
    let verification = cache.verify(&Names::all(), true).unwrap();
    server.take_requests();
    let delete = || Match::operation(Operation::DeleteObject);
    server.fault(delete(), Fault::internal_error());
    server.fault(delete(), Fault::ReplyAfter(Failure::new(500, "InternalError", "lost")));
    assert!(cache.repair(&verification.plan(), |_| ()).unwrap().is_empty());
    assert_eq!((server.object(&key), server.pending_faults()), (None, 0));
    let methods: Vec<String> =
        server.take_requests().into_iter().filter(|one| one.path.contains("/blobs/")).map(|one| one.method).collect();
    let deletions: Vec<usize> = (0..methods.len()).filter(|at| methods[*at] == "DELETE").collect();
    assert!(deletions.len() >= 2 && deletions.iter().all(|at| methods[at - 1] == "HEAD"), "{methods:?}");
}

/// It may need the blob, and would not be found to lack it.
#[test]
fn a_corrupt_blob_is_not_deleted_while_a_manifest_cannot_be_read() {
    let server = holding(1000, 0);
    let key = format!("blobs/{}", Digest::of(&noise(100, 200)));
    server.put_object(&key, &noise(3, 200));
    let fails = Fault::Reply(Failure::new(501, "NotImplemented", "not now"));
    server.fault(Match::operation(Operation::GetObject).key("manifests/main").nth(2).always(), fails);
    let cache = cache(&server, "");
    let verification = cache.verify(&Names::all(), true).unwrap();
    assert_eq!(verification.plan().steps.len(), 1, "the manifest could only be read once");
    assert!(cache.repair(&verification.plan(), |_| ()).is_err());
    assert!(server.object(&key).is_some());
}

#[test]
fn a_blob_whose_size_the_manifest_gets_wrong_is_kept() {
    let server = holding(1000, 0);
    let digest = Digest::of(&noise(100, 200));
    let manifest = String::from_utf8(server.object("manifests/main").unwrap()).unwrap();
    server.put_object("manifests/main", manifest.replace("\"size\":200", "\"size\":201").as_bytes());
    let cache = cache(&server, "");
    let verification = cache.verify(&Names::all(), false).unwrap();
    assert!(matches!(verification.findings[0].defect, Defect::WrongSize { expected: 201, stored: 200 }));
    assert!(cache.repair(&verification.plan(), |_| ()).unwrap().is_empty());
    assert!(server.object(&format!("blobs/{digest}")).is_some());
    is_sound(&cache);
}

#[test]
fn a_blob_that_cannot_be_read_is_a_finding_and_an_unreachable_store_an_error() {
    let server = holding(1000, 0);
    let digest = Digest::of(&noise(100, 200));
    let get = Match::operation(Operation::GetObject).key(&format!("blobs/{digest}")).times(1000);
    server.fault(get, Fault::internal_error());
    let verification = cache(&server, "").verify(&Names::all(), true).unwrap();
    assert_eq!(verification.findings.len(), 1, "{:?}", verification.findings);
    assert!(matches!(verification.findings[0].defect, Defect::Unreadable(_)));
    assert!(verification.plan().steps.is_empty());
    drop(server);
    let gone = Server::start();
    let cache = cache(&gone, "");
    drop(gone);
    assert_eq!(cache.verify(&Names::all(), true).unwrap_err().kind(), ErrorKind::Network);
}

#[test]
fn without_permission_to_list_the_reason_is_an_error() {
    let server = Server::with(Config { list_denied: true, ..Config::default() });
    Blobs::of(&[100]).put_into(&server);
    let denied = cache(&server, "").disk_usage(&Names::all()).unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::Access);
    // A name that is given exactly needs no listing.
    let named = cache(&server, ",name=buildkit");
    assert!(named.verify(&Names::of(named.options().keys()), true).unwrap().is_clean());
}
