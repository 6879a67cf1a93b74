//! Who may use the server, and what everybody may ask for.

use s3_build_cache::serve::{Mount, ServeOptions, Users};

use super::Serving;
use super::client::Client;
use crate::s3::cache;
use crate::s3_server::Server;

fn serving(server: &Server, options: &ServeOptions) -> Serving {
    Serving::start(vec![Mount::read_only("cache", vec![cache(server, "")])], options)
}

const PATHS: [&str; 6] = ["/", "/metrics", "/v2/", "/v2/_catalog", "/v2/cache/tags/list", "/v2/cache/manifests/latest"];

#[test]
fn every_path_asks_for_the_password() {
    let server = Server::start();
    let users = Users::parse("ann:one\nbob:pass:word\n").unwrap();
    let serving = serving(&server, &ServeOptions::new().users(users));
    let mut client = Client::new(serving.address);
    for path in PATHS.into_iter().chain(["/nowhere"]) {
        let answer = client.get(path);
        assert_eq!((answer.status, answer.code().as_str()), (401, "UNAUTHORIZED"), "{path}");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic realm="), "{path}");
    }
    // ann:two, and then bob:pass:word.
    client.headers = vec![("Authorization".to_owned(), "Basic YW5uOnR3bw==".to_owned())];
    assert_eq!(client.get("/v2/").status, 401);
    client.headers = vec![("Authorization".to_owned(), "Basic Ym9iOnBhc3M6d29yZA==".to_owned())];
    assert_eq!(client.get("/v2/").status, 200);
    assert!(client.get("/metrics").text().contains("s3_build_cache_requests_total"));
}

#[test]
fn web_pages_get_nothing() {
    let server = Server::start();
    let serving = serving(&server, &ServeOptions::new());
    let mut client = Client::new(serving.address);
    for path in PATHS {
        for (name, value) in [("Origin", "http://localhost:5055"), ("Sec-Fetch-Site", "cross-site")] {
            let answer = client.send("GET", path, &[(name, value)], b"");
            assert_eq!((answer.status, answer.code().as_str()), (403, "DENIED"), "{path} {name}");
        }
    }
    assert_eq!(client.send("GET", "/v2/", &[("Sec-Fetch-Site", "none")], b"").status, 200);
}

#[test]
fn only_known_hosts_are_answered() {
    let server = Server::start();
    let serving = serving(&server, &ServeOptions::new().host("cache.internal"));
    let port = serving.address.port();
    let status = |host: &str| Client::new(serving.address).send("GET", "/v2/", &[("Host", host)], b"").status;
    for host in ["localhost", "127.0.0.1", "cache.internal", "Cache.Internal"] {
        assert_eq!(status(&format!("{host}:{port}")), 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "10.0.0.1"] {
        assert!(matches!(status(&format!("{host}:{port}")), 400..500), "{host}");
    }
}

#[test]
fn a_read_only_server_takes_no_uploads_and_deletes_nothing() {
    let server = Server::start();
    let serving = serving(&server, &ServeOptions::new());
    let mut client = Client::new(serving.address);
    let digest = s3_build_cache::Digest::of(b"x");
    for (method, path, status) in [
        ("POST", "/v2/cache/blobs/uploads/".to_owned(), 403),
        ("PUT", "/v2/cache/manifests/latest".to_owned(), 403),
        ("DELETE", "/v2/cache/manifests/latest".to_owned(), 405),
        ("DELETE", format!("/v2/cache/blobs/{digest}"), 405),
        ("PATCH", "/v2/cache/blobs/uploads/x".to_owned(), 403),
        ("GET", "/v2/other/manifests/latest".to_owned(), 404),
        ("GET", "/v2/Other/manifests/latest".to_owned(), 400),
        ("PURGE", "/v2/".to_owned(), 405),
    ] {
        let answer = client.send(method, &path, &[], b"");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert!(!answer.code().is_empty());
        assert_eq!(answer.header("allow").is_some(), status == 405, "{method} {path}");
    }
    assert!(server.keys().is_empty());
}

#[test]
fn a_text_for_people_and_what_registries_answer() {
    let server = Server::start();
    let serving = serving(&server, &ServeOptions::new());
    let mut client = Client::new(serving.address);
    assert!(client.get("/").text().contains("docker buildx build"));
    let base = client.get("/v2/");
    assert_eq!((base.status, base.text().as_str()), (200, "{}"));
    assert_eq!(base.header("docker-distribution-api-version"), Some("registry/2.0"));
    // A repository that is mounted by its name is only for those who know it.
    assert_eq!(client.get("/v2/_catalog").json(), serde_json::json!({"repositories": []}));
    let digest = s3_build_cache::Digest::of(b"x");
    assert_eq!(client.get(&format!("/v2/cache/referrers/{digest}")).json()["manifests"], serde_json::json!([]));
    assert_eq!(serving.summary().requests, 4);
}

/// BuildKit skips the push of a manifest that is there already, so an export finds none.
#[test]
fn a_repository_for_exports_has_no_manifest() {
    let server = Server::start();
    crate::s3::blobs::Blobs::of(&[10]).put_into(&server);
    let serving = Serving::start(vec![Mount::writable("a/b", cache(&server, ""))], &ServeOptions::new());
    let mut client = Client::new(serving.address);
    for path in ["/v2/a/b/manifests/latest", "/v2/a/b/manifests/buildkit"] {
        assert_eq!((client.head(path).status, client.get(path).code().as_str()), (404, "MANIFEST_UNKNOWN"), "{path}");
    }
    assert_eq!(client.get("/v2/a/manifests/latest").code(), "NAME_UNKNOWN");
}
