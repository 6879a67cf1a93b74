//! What the client learns from refusals, and what it ignores.

use std::sync::Arc;

use s3_build_cache::credentials::{Secret, StaticCredentials};
use s3_build_cache::object::{BytesPayload, GetOptions, ListOptions, ObjectMeta, PutMode};
use s3_build_cache::{ErrorKind, Result, S3Cache};

use crate::s3::errors::told;
use crate::s3::{cache, export};
use crate::s3_server::{Config, Credentials, Failure, Fault, Match, Server};

/// A cache whose options name the wrong region.
fn lost(server: &Server) -> S3Cache {
    let mut options = cache(server, "").options().to_builder();
    options.location.region = Some("mars-1".to_owned());
    let keys = server.credentials();
    let provider = StaticCredentials::new(&keys.access_key_id, &Secret::from(keys.secret_access_key), None);
    S3Cache::builder(&options.build().unwrap()).credentials(Arc::new(provider)).open().unwrap()
}

/// The outcome of a store operation, as one word.
pub(super) type Step = fn(&S3Cache) -> Result<&'static str>;

/// Every operation on `blobs/x`, which exists.
pub(super) const STEPS: [(&str, Step); 6] = [
    ("HEAD", |cache| Ok(cache.store().head("blobs/x")?.map_or("absent", |_| "done"))),
    ("GET", |cache| Ok(cache.store().get("blobs/x", &GetOptions::default())?.map_or("absent", |_| "done"))),
    ("PUT", |cache| {
        cache.store().put("blobs/x", &BytesPayload::new(b"new".to_vec()), &PutMode::Overwrite).map(|_| "done")
    }),
    ("copy", |cache| cache.store().touch("blobs/x", &ObjectMeta::new(3)).map(|_| "done")),
    ("list", |cache| cache.store().list_page("blobs/", &ListOptions::default()).map(|_| "done")),
    ("DELETE", |cache| cache.store().delete("blobs/x").map(|()| "done")),
];

#[track_caller]
pub(super) fn done(result: Result<&'static str>, case: &str) {
    match result {
        Ok("done") => {}
        Ok(other) => panic!("{case}: {other}"),
        Err(error) => panic!("{case}: {} | {:?}", error.chain(), error.hint()),
    }
}

#[test]
fn a_wrong_region_is_corrected_once_by_the_first_request() {
    for (name, step) in STEPS {
        let server = Server::start();
        server.put_object("blobs/x", b"old");
        let opened = lost(&server);
        done(step(&opened), name);
        // The response to HEAD has no body to name the region in, so the request is repeated as GET.
        let extra = if name == "HEAD" { 2 } else { 1 };
        assert_eq!(server.take_requests().len(), 1 + extra, "{name}");
        server.put_object("blobs/x", b"old");
        done(step(&opened), name);
        assert_eq!(server.take_requests().len(), 1, "{name}: it is remembered");
    }
    let server = Server::start();
    assert_eq!(export(&lost(&server), "max").unwrap().blobs.transferred, 10);
}

#[test]
fn the_region_is_read_from_a_header_a_body_or_an_endpoint() {
    let redirect = |status, code: &str| Failure::new(status, code, "elsewhere");
    for (name, step) in STEPS {
        for (failure, in_header) in [
            (redirect(301, "PermanentRedirect").header("x-amz-bucket-region", "eu-test-1"), true),
            (redirect(307, "TemporaryRedirect").header("x-amz-bucket-region", "eu-test-1"), true),
            (redirect(400, "AuthorizationHeaderMalformed").header("x-amz-bucket-region", "eu-test-1"), true),
            (redirect(400, "IllegalLocationConstraintException").header("x-amz-bucket-region", "eu-test-1"), true),
            (redirect(400, "AuthorizationHeaderMalformed").detail("Region", "eu-test-1"), false),
            (redirect(301, "PermanentRedirect").detail("Endpoint", "cache.s3.eu-test-1.amazonaws.com"), false),
        ] {
            let server = Server::start();
            server.put_object("blobs/x", b"old");
            let case = format!("{name} {failure:?}");
            server.fault(Match::any(), Fault::Reply(failure));
            done(step(&lost(&server)), &case);
            let requests = server.requests();
            assert_eq!(requests.len(), if name == "HEAD" && !in_header { 3 } else { 2 }, "{case}");
            // With a custom endpoint, only the signature changes.
            assert!(requests.iter().all(|one| one.header("host") == Some(&server.address().to_string())), "{case}");
            assert!(requests.last().unwrap().header("authorization").unwrap().contains("/eu-test-1/s3/"), "{case}");
        }
    }
}

#[test]
fn an_invalid_or_useless_region_is_an_error_that_names_it() {
    for (region, requests) in [("mars-1", 1), ("a/b", 1), ("venus-1", 2)] {
        let server = Server::start();
        server.fault(Match::any().always(), Fault::wrong_region(region));
        let opened = lost(&server);
        let error = opened.store().list_page("", &ListOptions::default()).unwrap_err();
        told(&error, ErrorKind::Store, &["PermanentRedirect", region]);
        assert_eq!(server.take_requests().len(), requests, "{region}");
        // A second redirect is not followed.
        server.clear_faults();
        server.fault(Match::any().always(), Fault::wrong_region("pluto-1"));
        opened.store().list_page("", &ListOptions::default()).unwrap_err();
        assert!(server.take_requests().len() <= 2, "{region}");
    }
}

/// The host in `Location` has another port: it is another server of the same service.
#[test]
fn a_redirect_within_the_service_is_followed_with_a_new_signature() {
    let (old, new) = (Server::start(), Server::start());
    let location = |target: &str| format!("{}{target}", new.endpoint());
    for (name, step) in STEPS {
        new.put_object("blobs/x", b"old");
        let target =
            if name == "list" { "/cache?encoding-type=url&list-type=2&prefix=blobs%2F" } else { "/cache/blobs/x" };
        old.fault(Match::any(), Fault::redirect(&location(target)));
        done(step(&cache(&old, "")), name);
        assert_eq!((old.take_requests().len(), old.pending_faults()), (1, 0), "{name}");
        let followed = new.take_requests();
        assert_eq!(followed.len(), 1, "{name}");
        assert_eq!(
            (followed[0].refused.as_deref(), followed[0].header("host")),
            (None, Some(&*new.address().to_string()))
        );
        old.clear_faults();
    }
    assert!(old.keys().is_empty());
}

#[test]
fn other_redirects_are_not_followed() {
    let server = Server::start();
    let own = server.endpoint();
    for location in [
        "https://evil.example.com/cache/blobs/x".to_owned(),
        "http://127.0.0.2/cache/blobs/x".to_owned(),
        "https://cache.s3.eu-west-1.amazonaws.com/blobs/x".to_owned(),
        format!("{own}/cache/blobs/y"),
        format!("{own}/cache/blobs/x"),
        "/cache/blobs/x".to_owned(),
    ] {
        server.fault(Match::any(), Fault::redirect(&location));
        let error = cache(&server, "")
            .store()
            .put("blobs/x", &BytesPayload::new(b"x".to_vec()), &PutMode::Overwrite)
            .unwrap_err();
        told(&error, ErrorKind::Store, &["TemporaryRedirect", &location]);
        assert_eq!(server.take_requests().len(), 1, "{location}");
    }
    // Redirect loops are not followed either.
    let other = Server::start();
    let (there, back) = (format!("{}/cache/blobs/x", other.endpoint()), format!("{own}/cache/blobs/x"));
    server.fault(Match::any().always(), Fault::redirect(&there));
    other.fault(Match::any().always(), Fault::redirect(&back));
    cache(&server, "").store().delete("blobs/x").unwrap_err();
    assert_eq!((server.requests().len(), other.requests().len()), (2, 1));
}

/// Keys that are common words, as people choose for their own stores.
#[test]
fn a_refusal_is_interpreted_before_secrets_are_redacted() {
    for (region, secret, token) in [
        ("local", "local", None),
        ("latest-1", "test", None),
        ("us-east-1", "us-east-1", Some("a")),
        ("eu-west-1", "wJalrXUtnFEMI/K7MDENG", Some("eu-west-1")),
    ] {
        let credentials = Credentials::new("AKIDEXAMPLE", secret, token);
        let server = Server::with(Config { region: region.to_owned(), credentials, ..Config::default() });
        server.put_object("manifests/buildkit", br#"{"layers":[],"records":[]}"#);
        let mut options = cache(&server, "").options().to_builder();
        options.location.region = Some("mars-1".to_owned());
        let token = token.map(Secret::from);
        let provider = StaticCredentials::new("AKIDEXAMPLE", &Secret::from(secret), token.as_ref());
        let opened = S3Cache::builder(&options.build().unwrap()).credentials(Arc::new(provider)).open().unwrap();
        assert!(opened.load().unwrap_or_else(|error| panic!("{region}: {}", error.chain())).is_some());
        assert_eq!(server.take_requests().len(), 2, "{region}");
        // Messages remain readable.
        let message = format!("the latest policy of {region} denies a request");
        server.fault(Match::any().always(), Fault::Reply(Failure::new(403, "AccessDenied", &message)));
        told(&opened.load().unwrap_err(), ErrorKind::Access, &["403 AccessDenied", &message]);
    }
}

/// An error code that contains a secret is still recognized.
#[test]
fn the_meaning_of_a_refusal_does_not_depend_on_the_secrets() {
    let credentials = Credentials::new("AKIDEXAMPLE", "NoSuchKey", Some("AccessDenied"));
    let server = Server::with(Config { credentials, ..Config::default() });
    let opened = cache(&server, "");
    assert!(opened.load().unwrap().is_none());
    server.fault(Match::any().always(), Fault::Reply(Failure::new(400, "AccessDenied", "no")));
    told(&opened.load().unwrap_err(), ErrorKind::Access, &["400 ***", "s3:GetObject"]);
}

/// The server returns the session token as the region.
#[test]
fn a_region_that_contains_a_secret_is_ignored() {
    let token = "IQoJb3MARKED0123456789abcdef";
    let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", Some(token));
    let server = Server::with(Config { credentials, ..Config::default() });
    for failure in [
        Failure::new(400, "AuthorizationHeaderMalformed", "expecting another").detail("Region", token),
        Failure::new(301, "PermanentRedirect", "go").header("location", &format!("http://u:p@h/p/{token}?q={token}#f")),
    ] {
        server.clear_faults();
        server.fault(Match::any().always(), Fault::Reply(failure));
        server.take_requests();
        let error = cache(&server, "").load().unwrap_err();
        assert!(!format!("{error:?} {:?}", error.hint()).contains("MARKED"), "{error:?}");
        assert_eq!(server.requests().len(), 1);
    }
}
