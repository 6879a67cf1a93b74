//! A server whose references name manifests.

use s3_build_cache::serve::{Mount, ServeOptions};

use super::client::{ACCEPT, Client, import};
use super::{Serving, directory};
use crate::s3::export;

#[test]
fn a_reference_names_a_manifest() {
    let root = tempfile::tempdir().unwrap();
    for name in ["app", "feature/x", "app:pr-12", "MAIN", "cache"] {
        export(&directory(root.path(), &format!(",name={name}")), "min").unwrap();
    }
    let mounts = vec![Mount::references(vec![directory(root.path(), "")])];
    let serving = Serving::start(mounts, &ServeOptions::new());
    for reference in ["app", "app:latest", "cache:app", "feature/x", "app:pr-12", "cache:MAIN", "cache"] {
        assert_eq!(import(serving.address, reference).hit().layers.len(), 3, "{reference}");
    }
    for reference in ["main", "app:pr-13", "cache:main", "feature", "buildkit"] {
        import(serving.address, reference).miss();
    }
    let mut client = Client::new(serving.address);
    for (path, expected) in [
        ("/v2/app/tags/list", serde_json::json!({"name": "app", "tags": ["latest", "pr-12"]})),
        ("/v2/cache/tags/list", serde_json::json!({"name": "cache", "tags": ["MAIN", "app", "cache", "latest"]})),
        ("/v2/cache/tags/list?n=2", serde_json::json!({"name": "cache", "tags": ["MAIN", "app"]})),
        ("/v2/cache/tags/list?n=2&last=app", serde_json::json!({"name": "cache", "tags": ["cache", "latest"]})),
        ("/v2/none/tags/list", serde_json::json!({"name": "none", "tags": []})),
        ("/v2/_catalog", serde_json::json!({"repositories": ["app", "cache", "feature/x"]})),
    ] {
        assert_eq!(client.get(path).json(), expected, "{path}");
    }
    let first = client.get("/v2/cache/tags/list?n=2");
    assert_eq!(first.header("link"), Some("</v2/cache/tags/list?last=app&n=2>; rel=\"next\""));
}

#[test]
fn a_listener_of_the_caller_is_served() {
    let root = tempfile::tempdir().unwrap();
    let cache = directory(root.path(), ",name=app");
    export(&cache, "min").unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = cache.serve(listener, &ServeOptions::new()).unwrap();
    let stopper = server.stopper();
    std::thread::scope(|scope| {
        let running = scope.spawn(|| server.run());
        import(server.local_addr(), "app").hit();
        stopper.stop();
        running.join().unwrap().unwrap();
    });
    assert_eq!(server.summary().blobs_served, 3);
}

/// A push that finds its manifest does not write it again. A lifecycle rule would then expire it although it is in use.
#[test]
fn a_push_does_not_find_the_manifest_that_it_is_about_to_write() {
    let root = tempfile::tempdir().unwrap();
    export(&directory(root.path(), ",name=app"), "min").unwrap();
    let pushes = "application/vnd.oci.image.manifest.v1+json, */*";
    for (mount, status) in [
        (Mount::references(vec![directory(root.path(), "")]), 200),
        (Mount::writable_references(directory(root.path(), "")), 404),
    ] {
        let serving = Serving::start(vec![mount], &ServeOptions::new());
        let mut client = Client::new(serving.address);
        let mut head = |accept| client.send("HEAD", "/v2/app/manifests/latest", &[("Accept", accept)], b"").status;
        assert_eq!((head(ACCEPT), head("*/*"), head(pushes)), (200, 200, status));
    }
}
