//! Which manifests are taken, and what becomes of them.

use s3_build_cache::serve::{Mount, ServeOptions};
use s3_build_cache::{CacheConfig, Digest};

use crate::s3::cache;
use crate::s3_server::{Fault, Match, Operation, Server};
use crate::serve::client::Client;
use crate::serve::push::pusher::{Cache, OCI_MANIFEST, push_blob};
use crate::serve::push::{serving, tuned};
use crate::serve::{Serving, directory};

#[test]
fn only_caches_are_taken() {
    let server = Server::start();
    let serving = serving(cache(&server, ",name=app"));
    let mut client = Client::new(serving.address);
    let config = Digest::of(b"{}");
    let image = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{{"mediaType":
        "application/vnd.oci.image.config.v1+json","digest":"{config}","size":2}},"layers":[]}}"#
    );
    let cache = image.replace("oci.image.config.v1+json", "buildkit.cacheconfig.v0");
    for (manifest, code, why) in [
        (image.as_str(), "MANIFEST_INVALID", "refers to no application/vnd.buildkit.cacheconfig.v0"),
        ("{", "MANIFEST_INVALID", "not a cache manifest"),
        ("", "MANIFEST_INVALID", "not a cache manifest"),
        (cache.as_str(), "MANIFEST_BLOB_UNKNOWN", &config.to_string()),
    ] {
        let answer = client.send("PUT", "/v2/export/manifests/latest", &[], manifest.as_bytes());
        assert_eq!((answer.status, answer.code()), (400, code.to_owned()), "{manifest}");
        assert!(answer.text().contains(why), "{}", answer.text());
    }
    push_blob(&mut client, "export", b"{\"layers\":7}");
    let wrong = cache.replace(&config.to_string(), &Digest::of(b"{\"layers\":7}").to_string());
    for (manifest, why) in
        [(wrong.clone(), "12 bytes instead of 2"), (wrong.replace(":2}", ":12}"), "not a cache config")]
    {
        let answer = client.send("PUT", "/v2/export/manifests/latest", &[], manifest.as_bytes());
        assert_eq!((answer.status, answer.code()), (400, "MANIFEST_INVALID".to_owned()));
        assert!(answer.text().contains(why), "{}", answer.text());
    }
    let other = format!("/v2/export/manifests/{config}");
    let answer = client.send("PUT", &other, &[], cache.as_bytes());
    assert_eq!((answer.status, answer.code()), (400, "DIGEST_INVALID".to_owned()));
    let large = cache.replace(":2}", &format!(":{}}}", 33 << 20));
    let answer = client.send("PUT", "/v2/export/manifests/latest", &[], large.as_bytes());
    assert_eq!((answer.status, answer.code()), (413, "SIZE_INVALID".to_owned()));
    let length = (33 << 20).to_string();
    let answer = client.send("PUT", "/v2/export/manifests/latest", &[("Content-Length", &length)], b"");
    assert_eq!((answer.status, answer.code()), (413, "SIZE_INVALID".to_owned()));
    assert!(server.keys().is_empty());
}

#[test]
fn missing_blobs_are_named() {
    let server = Server::start();
    let serving = serving(cache(&server, ",name=app"));
    let mut client = Client::new(serving.address);
    let pushed = Cache::fixture("max");
    push_blob(&mut client, "export", &pushed.config);
    let answer = pushed.put_manifest(&mut client, "export", "latest");
    assert_eq!((answer.status, answer.code()), (400, "MANIFEST_BLOB_UNKNOWN".to_owned()));
    assert!(answer.text().contains("and 5 more"), "{}", answer.text());
    // A blob of another size is sent again, although the store has one.
    let (first, others) = pushed.layers.split_first().unwrap();
    for layer in others {
        push_blob(&mut client, "export", &pushed.layer(layer));
    }
    server.put_object(&format!("blobs/{first}"), b"short");
    let answer = pushed.put_manifest(&mut client, "export", "latest");
    assert!(answer.status == 400 && answer.text().contains("(5 bytes instead of"), "{}", answer.text());
    assert!(server.object("manifests/app").is_none());
    assert_eq!(pushed.push(&mut client, "export", "latest"), 1);
    assert!(server.object("manifests/app").is_some());
}

#[test]
fn a_manifest_without_a_tag_is_kept_and_writes_no_name() {
    let root = tempfile::tempdir().unwrap();
    let serving = serving(directory(root.path(), ",name=app"));
    let mut client = Client::new(serving.address);
    let pushed = Cache::fixture("min");
    let digest = pushed.digest().to_string();
    push_blob(&mut client, "export", &pushed.config);
    for _ in 0..2 {
        assert_eq!(pushed.put_manifest(&mut client, "export", &digest).status, 201);
    }
    assert!(!root.path().join("bucket/manifests").exists());
    let answer = client.get(&format!("/v2/export/manifests/{digest}"));
    assert_eq!((answer.status, answer.body), (200, pushed.manifest.clone()));
    // Its config can be read back too.
    let config = Digest::of(&pushed.config);
    let answer = client.get(&format!("/v2/export/blobs/{config}"));
    assert_eq!((answer.status, answer.body), (200, pushed.config));
}

#[test]
fn other_writers_are_respected_as_the_options_say() {
    for (attributes, statuses) in
        [("", [201, 201]), (",on_conflict=fail", [409, 201]), (",on_conflict=merge", [201; 2])]
    {
        let server = Server::start();
        let serving = serving(cache(&server, &format!(",name=app{attributes}")));
        let mut client = Client::new(serving.address);
        let pushed = Cache::fixture("min");
        push_blob(&mut client, "export", &pushed.config);
        std::thread::sleep(std::time::Duration::from_millis(300));
        // Another writer comes between the first blob and the manifest.
        let layer = super::noise(100);
        let (digest, now) = (Digest::of(&layer), "2026-11-26T10:00:00Z");
        server.put_object(&format!("blobs/{digest}"), &layer);
        let other = format!(
            r#"{{"layers":[{{"blob":"{digest}","parent":-1,"annotations":{{"mediaType":"m","diffID":"{digest}",
            "size":100,"createdAt":"{now}"}}}}],
            "records":[{{"layers":[{{"layer":0,"createdAt":"{now}"}}],"digest":"another build"}}]}}"#
        );
        server.put_object("manifests/app", other.as_bytes());
        for layer in &pushed.layers {
            push_blob(&mut client, "export", &pushed.layer(layer));
        }
        for status in statuses {
            let answer = pushed.put_manifest(&mut client, "export", "latest");
            assert_eq!(answer.status, status, "{attributes}: {}", answer.text());
        }
        let written = CacheConfig::from_s3_json(&server.object("manifests/app").unwrap()).unwrap();
        assert_eq!(written.leaves().count(), if attributes.contains("merge") { 2 } else { 1 }, "{attributes}");
    }
}

#[test]
fn a_repeated_manifest_joins_the_attempt_under_way() {
    let server = Server::start();
    let cache = tuned(&server, ",name=app", |tuning| {
        tuning.answer_within = std::time::Duration::from_millis(200);
    });
    let serving = serving(cache);
    let mut client = Client::new(serving.address);
    let pushed = Cache::fixture("min");
    for layer in &pushed.layers {
        push_blob(&mut client, "export", &pushed.layer(layer));
    }
    push_blob(&mut client, "export", &pushed.config);
    let put = Match::operation(Operation::PutObject).key("manifests/");
    server.fault(put, Fault::Delay(std::time::Duration::from_millis(1500)));
    server.take_requests();
    let mut statuses = Vec::new();
    while statuses.last() != Some(&201) && statuses.len() < 100 {
        statuses.push(pushed.put_manifest(&mut client, "export", "latest").status);
    }
    assert!(statuses.len() > 1 && statuses.iter().all(|status| matches!(status, 201 | 503)), "{statuses:?}");
    let written = server.requests().into_iter().filter(|request| request.operation == Operation::PutObject);
    assert_eq!(written.count(), 1);
}

#[test]
fn a_read_only_server_takes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let mount = Mount::read_only("export", vec![directory(root.path(), ",name=app")]);
    let serving = Serving::start(vec![mount], &ServeOptions::new());
    let mut client = Client::new(serving.address);
    let pushed = Cache::fixture("min");
    assert_eq!(client.send("POST", "/v2/export/blobs/uploads/", &[], b"").status, 403);
    assert_eq!(pushed.put_manifest(&mut Client::new(serving.address), "export", "latest").status, 403);
}
