//! What a pruning reports: lost blobs, and unfinished uploads that it may not list.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use s3_build_cache::progress::{Event, Step};
use s3_build_cache::prune::PruneOptions;

use crate::s3::merge::job;
use crate::s3::prune::Bucket;
use crate::s3_server::{Failure, Fault, Match, Operation};

/// A store that has no such listing is no reason for a warning.
#[test]
fn uploads_that_may_not_be_listed_are_one_warning() {
    let denied = Failure::new(403, "AccessDenied", "Access Denied");
    let unsupported = Failure::new(501, "NotImplemented", "not implemented");
    for (failure, expected) in [(denied, 1), (unsupported, 0)] {
        let bucket = Bucket::on_server();
        bucket.export("main", 1);
        bucket.server().fault(Match::operation(Operation::ListMultipartUploads).always(), Fault::Reply(failure));
        let warnings = Arc::new(Mutex::new(Vec::new()));
        let seen = warnings.clone();
        let progress = move |event: &Event<'_>| {
            if let Event::Warning(text) = event {
                seen.lock().unwrap().push((*text).to_owned());
            }
        };
        let cache = bucket.builder("").progress(progress).open().unwrap();
        let plan = cache.plan_prune(&[], &PruneOptions::new()).unwrap();
        assert_eq!(cache.prune(plan, |_| ()).unwrap().uploads, 0);
        let warnings = warnings.lock().unwrap();
        assert_eq!(warnings.len(), expected, "{warnings:?}");
        for part in ["cannot list unfinished uploads", "allow s3:ListBucketMultipartUploads on the bucket"] {
            assert!(warnings.iter().all(|warning| warning.contains(part)), "{warnings:?}");
        }
    }
}

/// BuildKit does not look again after it wrote its manifest.
#[test]
fn a_manifest_of_buildkit_that_lost_a_blob_is_reported() {
    let bucket = Bucket::on_server();
    bucket.export("pr-1", 1);
    let options = bucket.drop_all();
    let (server, done) = (bucket.clock.server.clone().unwrap(), AtomicBool::new(false));
    let progress = move |event: &Event<'_>| {
        if matches!(event, Event::Counted { step: Step::DeleteBlobs, done: 2, .. })
            && !done.swap(true, Ordering::SeqCst)
        {
            server.put_object("manifests/theirs", &job(1).config.to_s3_json());
        }
    };
    let cache = bucket.builder("").progress(progress).open().unwrap();
    let plan = cache.plan_prune(&[], &options).unwrap();
    let pruned = cache.prune(plan, |_| ()).unwrap();
    assert_eq!((pruned.deleted.blobs, pruned.lost.len()), (2, 2));
    assert!(pruned.lost.iter().all(|lost| lost.manifest.ends_with("manifests/theirs")), "{:?}", pruned.lost);
}

/// They are waited for together, and not one after the other.
#[test]
fn many_lost_blobs_take_no_longer_than_one() {
    let bucket = Bucket::on_server();
    (1..=9).for_each(|number| bucket.export(&format!("pr-{number}"), number));
    let options = bucket.drop_all();
    let (server, done) = (bucket.clock.server.clone().unwrap(), AtomicBool::new(false));
    let progress = move |event: &Event<'_>| {
        if matches!(event, Event::Counted { step: Step::DeleteBlobs, done: 10, .. })
            && !done.swap(true, Ordering::SeqCst)
        {
            for number in 1..=9 {
                server.put_object(&format!("manifests/{number}"), &job(number).config.to_s3_json());
            }
        }
    };
    let cache = bucket.builder("").progress(progress).open().unwrap();
    let (plan, before) = (cache.plan_prune(&[], &options).unwrap(), bucket.clock.ahead());
    let pruned = cache.prune(plan, |_| ()).unwrap();
    assert_eq!((pruned.deleted.blobs, pruned.lost.len()), (10, 18));
    let waited = bucket.clock.ahead() - before;
    assert!(waited < Duration::from_secs(20), "{waited:?}");
}
