//! Configs, manifests, and what is refreshed for them.

use super::*;

#[test]
fn documents_are_kept_and_stored_only_for_a_manifest_that_needs_them() {
    let setup = setup("", false);
    let json = b"{\"layers\":[]}".repeat(20_000);
    setup.push(&json).unwrap();
    let digest = Digest::of(&json);
    assert_eq!(setup.pushes.find(&digest).unwrap(), Some(json.len() as u64));
    assert_eq!(setup.pushes.documents().get(&digest).unwrap().to_vec().unwrap(), json);
    assert!(setup.stored(&digest).is_none() && !setup.pushes.is_stored(&digest).unwrap());
    let layer = format!(
        r#"{{"layers":[{{"blob":"{digest}","parent":-1,"annotations":{{"mediaType":"m","diffID":"{digest}",
        "size":{},"createdAt":"2026-01-01T00:00:00Z"}}}}],"records":[]}}"#,
        json.len()
    );
    let config = CacheConfig::from_s3_json(layer.as_bytes()).unwrap();
    assert!(matches!(setup.publish(config, &["app"]).unwrap(), Published::Written));
    assert_eq!(setup.stored(&digest), Some(json));
}

#[test]
fn old_blobs_are_refreshed_behind_the_answer() {
    let setup = setup("", false);
    let blobs: Vec<Vec<u8>> = (1..20).map(bytes).collect();
    blobs.iter().for_each(|blob| setup.push(blob).unwrap());
    let find = || {
        for blob in &blobs {
            assert_eq!(setup.pushes.find(&Digest::of(blob)).unwrap(), Some(blob.len() as u64));
        }
        assert!(setup.pushes.wait_until(Instant::now() + LONG));
    };
    find();
    assert_eq!(setup.store.touches.load(Ordering::SeqCst), 0);
    setup.age();
    find();
    find();
    assert_eq!(setup.store.touches.load(Ordering::SeqCst), blobs.len());
    setup.age();
    setup.store.refuses_touches.store(true, Ordering::SeqCst);
    find();
    assert_eq!(setup.warnings.lock().unwrap().len(), 1, "{:?}", setup.warnings);
}

#[test]
fn a_manifest_is_written_as_an_export_writes_it() {
    for (name, attributes) in [("max", ",exact=true"), ("min", ""), ("max", "")] {
        let (local, config) = fixture(name);
        let (pushed, exported) = (setup(attributes, false), setup(attributes, false));
        for (digest, _) in config.blobs() {
            pushed.push(&read(&local, &digest)).unwrap();
        }
        assert!(matches!(pushed.publish(config.clone(), &["app", "main"]).unwrap(), Published::Written));
        let options = ExportOptions::new().names(["app", "main"]);
        let Exported { outcome, .. } = exported.pushes.cache().export_from(config, &local, &options);
        outcome.unwrap();
        for name in ["app", "main"] {
            assert!(pushed.manifest(name).is_some() && pushed.manifest(name) == exported.manifest(name));
        }
    }
    let (local, config) = fixture("max");
    let setup = setup(",exact=true", false);
    config.blobs().iter().for_each(|(digest, _)| setup.push(&read(&local, digest)).unwrap());
    setup.publish(config, &["app"]).unwrap();
    assert_eq!(setup.manifest("app"), std::fs::read("tests/fixtures/max/s3-manifest.json").ok());
}

#[test]
fn a_manifest_needs_all_its_blobs_in_their_size() {
    let (local, config) = fixture("min");
    let setup = setup("", false);
    let blobs = config.blobs();
    let missing = |published: Published| match published {
        Published::Missing(missing) => missing.to_vec(),
        Published::Written => panic!(),
    };
    assert_eq!(missing(setup.publish(config.clone(), &["app"]).unwrap()).len(), blobs.len());
    blobs.iter().for_each(|(digest, _)| setup.push(&read(&local, digest)).unwrap());
    let (short, size) = blobs[0];
    std::fs::write(setup.root.path().join(format!("bucket/blobs/{short}")), b"short").unwrap();
    let lost = missing(setup.publish(config.clone(), &["app"]).unwrap());
    assert_eq!(lost, [Missing { digest: short, found: Some(5), size }]);
    // The store says that it has the blob, but the client has to push it again.
    assert_eq!(setup.pushes.find(&short).unwrap(), None);
    assert!(setup.manifest("app").is_none());
    setup.push(&read(&local, &short)).unwrap();
    assert!(matches!(setup.publish(config, &["app"]).unwrap(), Published::Written));
    assert_eq!(setup.pushes.find(&short).unwrap(), Some(size));
}

#[test]
fn conflicts_are_handled_as_the_options_say() {
    let (local, config) = fixture("min");
    for (attributes, expected) in [(",on_conflict=fail", None), (",on_conflict=merge", Some(2)), ("", Some(1))] {
        let setup = setup(attributes, false);
        config.blobs().iter().for_each(|(digest, _)| setup.push(&read(&local, digest)).unwrap());
        let layer = bytes(100);
        setup.push(&layer).unwrap();
        let (digest, now) = (Digest::of(&layer), Timestamp::from(SystemTime::now()));
        let other = format!(
            r#"{{"layers":[{{"blob":"{digest}","parent":-1,"annotations":{{"mediaType":"m","diffID":"{digest}",
            "size":100,"createdAt":"{now}"}}}}],
            "records":[{{"layers":[{{"layer":0,"createdAt":"{now}"}}],"digest":"another build"}}]}}"#
        );
        setup.pushes.begin(&["app".to_owned()]);
        assert!(setup.pushes.wait_until(Instant::now() + LONG));
        // Another writer comes between.
        setup.store.put("manifests/app", &BytesPayload::new(other.into_bytes()), &PutMode::Overwrite).unwrap();
        let published = setup.publish(config.clone(), &["app"]);
        match expected {
            None => assert_eq!(published.unwrap_err().kind(), ErrorKind::Conflict),
            Some(leaves) => {
                assert!(matches!(published.unwrap(), Published::Written));
                let written = CacheConfig::from_s3_json(&setup.manifest("app").unwrap()).unwrap();
                assert_eq!(written.leaves().count(), leaves);
            }
        }
    }
}

#[test]
fn a_merge_refreshes_the_blobs_of_others_when_the_push_begins() {
    let (local, config) = fixture("min");
    let setup = setup(",on_conflict=merge", false);
    setup.pushes.cache().export_from(config.clone(), &local, &ExportOptions::new()).outcome.unwrap();
    setup.age();
    setup.pushes.begin(&["app".to_owned()]);
    assert!(setup.pushes.wait_until(Instant::now() + LONG));
    assert_eq!(setup.store.touches.load(Ordering::SeqCst), config.blobs().len());
}
