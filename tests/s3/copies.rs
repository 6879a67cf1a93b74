//! Copies of caches between names, prefixes and stores.

use std::sync::{Arc, Mutex};

use s3_build_cache::progress::{Event, Step};
use s3_build_cache::{Digest, ErrorKind};

use crate::s3::blobs::{Blobs, PART, config, noise, small_parts};
use crate::s3::errors::told;
use crate::s3::merge::{export, is_sound, job};
use crate::s3::{builder, cache};
use crate::s3_server::{Failure, Fault, Match, Operation, Server};

#[test]
fn blobs_are_copied_within_a_store_without_sending_them() {
    let server = Server::start();
    export(&cache(&server, ",prefix=pr/,name=pr-1"), &job(1)).unwrap();
    server.take_requests();
    let steps = Arc::new(Mutex::new(Vec::new()));
    let seen = steps.clone();
    let progress = move |event: &Event<'_>| {
        if let Event::Counted { step: Step::CopyBlobs, done, expected } = event {
            seen.lock().unwrap().push((*done, *expected));
        }
    };
    let target = builder(&server, ",name=main").connections(1).progress(progress).open().unwrap();
    let copied = target.copy_from(&[cache(&server, ",prefix=pr/,name=pr-1")], false).unwrap();
    assert_eq!((copied.within_store.blobs, copied.within_store.bytes), (2, 300));
    assert_eq!(*steps.lock().unwrap(), [(1, Some(2)), (2, Some(2))]);
    let report = &copied.reports[0];
    assert_eq!((report.names[0].as_str(), report.blobs.transferred, report.blobs.present), ("main", 2, 0));
    let requests = server.take_requests();
    assert_eq!(report.requests, requests.len() as u64 - 1, "all but the HEAD of the manifest");
    let puts = requests.iter().filter(|request| request.operation == Operation::PutObject).count();
    assert_eq!(puts, 1, "the manifest only");
    assert_eq!(server.object("manifests/main"), server.object("pr/manifests/pr-1"));
    is_sound(&cache(&server, ""));
}

#[test]
fn blobs_are_streamed_between_stores_also_in_parts() {
    let [from, to] = [(), ()].map(|()| Server::with(config()));
    let blobs = Blobs::of(&[10, PART, 5 * PART + 7]);
    let open = |server: &Server, more: &str| builder(server, more).tuning(small_parts()).open().unwrap();
    export(&open(&from, ""), &blobs).unwrap();
    let copied = open(&to, "").copy_from(&[open(&from, "")], false).unwrap();
    assert_eq!((copied.within_store.blobs, copied.reports[0].blobs.transferred), (0, 3));
    blobs.are_in(&to);
    assert_eq!(to.object("manifests/buildkit"), from.object("manifests/buildkit"));
    assert!(to.uploads().is_empty());
}

/// Also one with unknown fields, in another order.
#[test]
fn a_single_manifest_keeps_its_bytes() {
    let server = Server::start();
    export(&cache(&server, ""), &job(1)).unwrap();
    let mut bytes = server.object("manifests/buildkit").unwrap();
    bytes.splice(1..1, *b"\"unknown\":7, ");
    server.put_object("manifests/buildkit", &bytes);
    for more in [",name=a;b", ",name=a;b,on_conflict=fail"] {
        cache(&server, more).copy_from(&[cache(&server, ",name=buildkit")], false).unwrap();
        assert!(server.object("manifests/a").unwrap() == bytes && server.object("manifests/b").unwrap() == bytes);
    }
}

/// A single manifest is read as one of several is: repeatedly, and with the same error if it is damaged.
#[test]
fn a_single_manifest_is_read_despite_a_storm_and_checked() {
    let server = Server::start();
    export(&cache(&server, ",name=pr-1"), &job(1)).unwrap();
    server.fault(Match::operation(Operation::GetObject).key("manifests/").times(7), Fault::slow_down());
    let copy = || cache(&server, ",name=main").copy_from(&[cache(&server, ",name=pr-1")], false);
    assert_eq!(copy().unwrap().reports.len(), 1);
    assert_eq!(server.pending_faults(), 0);
    server.put_object("manifests/pr-1", b"{");
    told(&copy().unwrap_err(), ErrorKind::Integrity, &["manifests/pr-1", "export the cache again"]);
}

#[test]
fn several_manifests_are_merged_or_keep_their_names() {
    let server = Server::start();
    for number in 0..3 {
        export(&cache(&server, &format!(",name=pr-{number}")), &job(number)).unwrap();
    }
    let copied = cache(&server, ",name=all").copy_from(&[cache(&server, ",name=pr-*")], false).unwrap();
    assert_eq!((copied.reports.len(), copied.reports[0].blobs.total), (1, 4));
    let copied = cache(&server, ",prefix=b/").copy_from(&[cache(&server, ",name=pr-*")], false).unwrap();
    assert_eq!((copied.reports.len(), copied.within_store.blobs), (3, 4));
    is_sound(&cache(&server, ""));
    is_sound(&cache(&server, ",prefix=b/"));
    let error = cache(&server, ",name=all").copy_from(&[cache(&server, "")], false).unwrap_err();
    told(&error, ErrorKind::Usage, &["no name=", "merged into one"]);
    let error = cache(&server, "").copy_from(&[cache(&server, ",name=none")], false).unwrap_err();
    told(&error, ErrorKind::NotFound, &["manifests/none"]);
}

#[test]
fn a_blob_that_the_source_lacks_stops_the_copy_before_its_manifest() {
    let [from, to] = [Server::start(), Server::start()];
    export(&cache(&from, ""), &job(1)).unwrap();
    from.remove(&from.keys()[0]);
    let error = cache(&to, "").copy_from(&[cache(&from, "")], false).unwrap_err();
    told(&error, ErrorKind::Integrity, &["sha256:"]);
    assert!(to.keys().is_empty());
}

/// One manifest is damaged, one lacks a blob, and the key of one would be too long in the target.
#[test]
fn what_cannot_be_copied_does_not_stop_the_others() {
    let (from, long) = (Server::start(), "n".repeat(1000));
    for (number, name) in [(1, "a"), (2, "lacks"), (3, long.as_str()), (4, "z")] {
        export(&cache(&from, &format!(",name={name}")), &job(number)).unwrap();
    }
    from.put_object("manifests/damaged", b"{");
    from.remove(&format!("blobs/{}", Digest::of(&noise(102, 200))));
    for dry_run in [true, false] {
        let to = Server::start();
        let target = cache(&to, ",prefix=a/longer/prefix/");
        let copied = target.copy_from(&[cache(&from, ",name=*"), cache(&from, ",name=absent")], dry_run).unwrap();
        let names: Vec<&str> = copied.reports.iter().map(|report| report.names[0].as_str()).collect();
        assert_eq!((names, copied.absent.len(), copied.failed.len()), (vec!["a", "z"], 1, 3));
        for (failed, (name, kind)) in copied.failed.iter().zip([
            ("damaged", ErrorKind::Integrity),
            ("lacks", ErrorKind::Integrity),
            (long.as_str(), ErrorKind::Usage),
        ]) {
            assert_eq!(failed.manifests, [format!("s3://cache/manifests/{name}")]);
            assert_eq!(failed.error.kind(), kind, "{}", failed.error.chain());
        }
        let written = to.keys().iter().filter(|key| key.contains("manifests/")).count();
        assert_eq!(written, if dry_run { 0 } else { 2 });
        if !dry_run {
            is_sound(&target);
            assert_eq!(to.keys().len(), 5, "two manifests, a blob of each, and one that they share");
        }
    }
}

#[test]
fn a_failure_that_concerns_all_manifests_ends_the_copy() {
    let [from, to] = [(), ()].map(|()| Server::start());
    for (number, name) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
        export(&cache(&from, &format!(",name={name}")), &job(number)).unwrap();
    }
    let denied = Fault::Reply(Failure::new(403, "AccessDenied", "Access Denied"));
    to.fault(Match::operation(Operation::PutObject).key("manifests/b").always(), denied);
    let copied = cache(&to, "").copy_from(&[cache(&from, "")], false).unwrap();
    assert_eq!((copied.reports.len(), copied.failed.len()), (1, 1));
    assert_eq!(copied.failed[0].manifests, ["b", "c", "d"].map(|name| format!("s3://cache/manifests/{name}")));
    assert_eq!(copied.failed[0].error.kind(), ErrorKind::Access);
    assert!(to.object("manifests/c").is_none() && to.object("manifests/d").is_none());
    // The first failure is the error if nothing else is to be reported.
    let error = cache(&to, ",name=b").copy_from(&[cache(&from, ",name=a;c")], false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Access);
}

#[test]
fn blobs_are_looked_up_in_the_source_despite_a_storm() {
    let [from, to] = [(), ()].map(|()| Server::start());
    export(&cache(&from, ""), &job(1)).unwrap();
    from.fault(Match::any().key("blobs/").times(7), Fault::slow_down());
    let copied = cache(&to, "").copy_from(&[cache(&from, "")], false).unwrap();
    assert_eq!((copied.reports[0].blobs.transferred, from.pending_faults()), (2, 0));
    is_sound(&cache(&to, ""));
}
