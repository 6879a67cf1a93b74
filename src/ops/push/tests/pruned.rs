//! Blobs that a pruning deletes during a push, after it looked at them and before they were refreshed.

use std::collections::BTreeSet;

use super::*;
use crate::object::ObjectStore as _;

/// Two layers of a build, each with a result.
fn build(numbers: [u64; 2]) -> (CacheConfig, [Vec<u8>; 2]) {
    let (blobs, now) = (numbers.map(bytes), Timestamp::from(SystemTime::now()));
    let digests = blobs.each_ref().map(|blob| Digest::of(blob));
    let layers = digests.iter().zip(numbers).map(|(digest, size)| {
        format!(
            r#"{{"blob":"{digest}","parent":-1,"annotations":{{"mediaType":"m","diffID":"{digest}","size":{size},
            "createdAt":"{now}"}}}}"#
        )
    });
    let records = digests
        .iter()
        .enumerate()
        .map(|(at, digest)| format!(r#"{{"layers":[{{"layer":{at},"createdAt":"{now}"}}],"digest":"step {digest}"}}"#));
    let (layers, records): (Vec<_>, Vec<_>) = (layers.collect(), records.collect());
    let json = format!(r#"{{"layers":[{}],"records":[{}]}}"#, layers.join(","), records.join(","));
    (CacheConfig::from_s3_json(json.as_bytes()).unwrap(), blobs)
}

/// The sizes of the blobs that the manifest names, all of which the store has.
fn named(setup: &Setup) -> BTreeSet<u64> {
    let config = CacheConfig::from_s3_json(&setup.manifest("app").unwrap()).unwrap();
    for (digest, _) in config.blobs() {
        assert!(setup.stored(&digest).is_some(), "{digest} is missing");
    }
    config.blobs().into_iter().map(|(_, size)| size).collect()
}

fn key(blob: &[u8]) -> String {
    format!("blobs/{}", Digest::of(blob))
}

/// A setup whose store has old blobs.
fn with_old(attributes: &str, blobs: &[Vec<u8>]) -> Setup {
    let setup = setup(attributes, false);
    blobs.iter().for_each(|blob| setup.push(blob).unwrap());
    setup.age();
    setup
}

fn missing(published: Result<Published>) -> Vec<u64> {
    match published.unwrap() {
        Published::Missing(missing) => missing.iter().map(|missing| missing.size).collect(),
        Published::Written => Vec::new(),
    }
}

#[test]
fn a_manifest_does_not_name_a_blob_that_was_deleted_while_it_was_written() {
    for (attributes, asks_first) in
        [("", false), ("", true), (",on_conflict=fail", false), (",on_conflict=merge", true)]
    {
        let (config, blobs) = build([10, 20]);
        let setup = with_old(attributes, &blobs);
        if asks_first {
            // Refreshed when the client asks for it, so that it is young when the manifest comes.
            blobs.iter().for_each(|blob| assert!(setup.pushes.find(&Digest::of(blob)).unwrap().is_some()));
            assert!(setup.pushes.wait_until(Instant::now() + LONG));
        }
        setup.store.pruned.lock().unwrap().push(key(&blobs[1]));
        assert_eq!(missing(setup.publish(config.clone(), &["app"])), [20], "{attributes} {asks_first}");
        assert_eq!(named(&setup), [10].into(), "{attributes} {asks_first}");
        let warnings = std::mem::take(&mut *setup.warnings.lock().unwrap());
        assert!(warnings.iter().any(|one| one.contains("1 blob was deleted meanwhile")), "{warnings:?}");
        // The client pushes it again.
        assert_eq!(setup.pushes.find(&Digest::of(&blobs[1])).unwrap(), None);
        setup.push(&blobs[1]).unwrap();
        assert_eq!(missing(setup.publish(config, &["app"])), [0; 0]);
        assert_eq!(named(&setup), [10, 20].into(), "{attributes} {asks_first}");
    }
}

/// The client cannot push them again, so its push succeeds.
#[test]
fn a_merge_drops_the_blobs_of_others_that_were_deleted_while_it_was_written() {
    for begins in [false, true] {
        let ((theirs, old), (ours, new)) = (build([10, 20]), build([30, 40]));
        let setup = with_old(",on_conflict=merge", &old);
        assert_eq!(missing(setup.publish(theirs, &["app"])), [0; 0]);
        setup.age();
        if begins {
            setup.pushes.begin(&["app".to_owned()]);
            assert!(setup.pushes.wait_until(Instant::now() + LONG));
        }
        new.iter().for_each(|blob| setup.push(blob).unwrap());
        setup.store.pruned.lock().unwrap().push(key(&old[0]));
        assert_eq!(missing(setup.publish(ours, &["app"])), [0; 0]);
        assert_eq!(named(&setup), [20, 30, 40].into(), "{begins}");
    }
}

#[test]
fn a_manifest_that_another_writer_wrote_meanwhile_is_kept() {
    let ((ours, old), (theirs, other)) = (build([10, 20]), build([30, 40]));
    let setup = with_old(",on_conflict=fail", &old);
    other.iter().for_each(|blob| setup.push(blob).unwrap());
    let mine = setup.publish(ours.clone(), &["app"]);
    assert_eq!(missing(mine), [0; 0]);
    setup.age();
    setup.store.pruned.lock().unwrap().push(key(&old[0]));
    *setup.store.replacement.lock().unwrap() = Some(theirs.to_s3_json());
    assert_eq!(missing(setup.publish(ours, &["app"])), [10]);
    assert_eq!(named(&setup), [30, 40].into());
}

/// The manifest is written after a while though a blob is not refreshed yet, and then a pruning deletes it.
#[test]
fn blobs_that_are_refreshed_late_are_looked_at_again_later() {
    let (config, blobs) = build([10, 20]);
    let setup = with_old("", &blobs);
    setup.store.hold_touches(true);
    assert_eq!(missing(setup.publish_by(config, &["app"], Instant::now())), [0; 0]);
    assert_eq!(named(&setup), [10, 20].into());
    setup.store.delete(&key(&blobs[1])).unwrap();
    setup.store.hold_touches(false);
    assert!(setup.pushes.wait_until(Instant::now() + LONG));
    assert_eq!(named(&setup), [10].into());
    assert_eq!(setup.pushes.find(&Digest::of(&blobs[1])).unwrap(), None);
}

/// A pruning never deletes blobs that are young or were just pushed.
#[test]
fn only_refreshed_blobs_are_looked_at_again() {
    let (config, blobs) = build([10, 20]);
    let setup = setup("", false);
    blobs.iter().for_each(|blob| setup.push(blob).unwrap());
    for _ in 0..2 {
        let before = setup.store.lookups.load(Ordering::SeqCst);
        assert_eq!(missing(setup.publish(config.clone(), &["app"])), [0; 0]);
        assert_eq!(setup.store.lookups.load(Ordering::SeqCst) - before, 2);
    }
}
