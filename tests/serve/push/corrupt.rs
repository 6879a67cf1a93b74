//! Blobs whose bytes in the store are wrong.

use s3_build_cache::Digest;
use s3_build_cache::serve::{Mount, ServeOptions};

use crate::s3_server::Server;
use crate::serve::Serving;
use crate::serve::client::{Client, import};
use crate::serve::push::pusher::{Cache, push_blob};
use crate::serve::push::{noise, tuned};

/// The blobs were pushed a moment ago, so the server also remembers that it has written them.
#[test]
fn a_corrupt_blob_is_pushed_again_and_then_read() {
    for (pushed_to, read_from) in [("app", "app"), ("export", "import")] {
        let server = Server::start();
        let cache = tuned(&server, ",name=app", |_| {});
        let mounts = match pushed_to {
            "app" => vec![Mount::writable_references(cache)],
            _ => vec![Mount::writable("export", cache.clone()), Mount::read_only("import", vec![cache])],
        };
        let serving = Serving::start(mounts, &ServeOptions::new());
        let (pushed, mut client) = (Cache::fixture("max"), Client::new(serving.address));
        pushed.push(&mut client, pushed_to, "latest");
        let layer = pushed.layers[0];
        let (key, right) = (format!("blobs/{layer}"), pushed.layer(&layer));
        let wrong = |bytes: &[u8]| [&bytes[..bytes.len() - 1], &[bytes[bytes.len() - 1] ^ 1]].concat();
        server.put_object(&key, &wrong(&right));
        let blob = |repository: &str| format!("/v2/{repository}/{key}");
        for _ in 0..2 {
            assert_eq!(client.head(&blob(pushed_to)).status, 200);
            let answer = client.get(&blob(read_from));
            assert!(answer.cut || answer.status == 404, "{answer:?}");
        }
        assert_eq!(client.get(&blob(read_from)).code(), "BLOB_UNKNOWN");
        assert!(!import(serving.address, read_from).hit().layers.contains_key(&layer));
        assert_eq!(client.head(&blob(pushed_to)).status, 404);
        let mount = format!("/v2/{pushed_to}/blobs/uploads/?mount={layer}&from={read_from}");
        assert_eq!(client.send("POST", &mount, &[], b"").status, 202);
        assert_eq!(pushed.push(&mut client, pushed_to, "latest"), 1);
        assert_eq!(server.object(&key), Some(right.clone()));
        assert_eq!(client.head(&blob(pushed_to)).status, 200);
        assert_eq!(import(serving.address, read_from).hit().layers[&layer], right);
    }
}

#[test]
fn a_corrupt_blob_that_was_sent_in_parts_is_replaced() {
    let server = Server::start();
    let mount = Mount::writable_references(tuned(&server, "", |_| {}));
    let serving = Serving::start(vec![mount], &ServeOptions::new());
    let (right, mut client) = (noise(12 << 20), Client::new(serving.address));
    let digest = Digest::of(&right);
    assert!(push_blob(&mut client, "app", &right));
    server.put_object(&format!("blobs/{digest}"), &vec![7; right.len()]);
    for _ in 0..2 {
        let answer = client.get(&format!("/v2/app/blobs/{digest}"));
        assert!(answer.cut && answer.body.len() < right.len());
    }
    assert!(push_blob(&mut client, "app", &right));
    assert_eq!(server.object(&format!("blobs/{digest}")), Some(right.clone()));
    assert!(client.get(&format!("/v2/app/blobs/{digest}")).body == right);
}
