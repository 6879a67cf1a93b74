//! What a pruning reports.

use std::sync::{Arc, Mutex};

use s3_build_cache::progress::Event;
use s3_build_cache::prune::PruneOptions;

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
