use std::sync::Mutex;

use super::*;
use crate::aws::tests::{World, in_order};
use crate::credentials::tests::server::{Received, cloud, json_answer};
use crate::credentials::tests::{Find as _, Server};

fn world(server: &Server) -> World {
    World::new(&[(FULL, &format!("{}/container?x=1", server.url()))])
}

#[test]
fn tokens_are_sent_only_to_allowed_urls() {
    for (url, host, target) in [
        ("http://127.0.0.1/c", "127.0.0.1", "/c"),
        ("http://127.9.9.9:80/c?a=b#f", "127.9.9.9", "/c?a=b"),
        ("http://[::1]:9/c", "[::1]:9", "/c"),
        ("http://[::ffff:127.0.0.1]/c", "[::ffff:127.0.0.1]", "/c"),
        ("http://169.254.170.2/c", "169.254.170.2", "/c"),
        ("http://169.254.170.23/v1/credentials", "169.254.170.23", "/v1/credentials"),
        ("http://[fd00:ec2::23]/v1/credentials", "[fd00:ec2::23]", "/v1/credentials"),
        ("http://localhost:8080", "localhost:8080", "/"),
        ("https://example.com?q", "example.com", "/?q"),
    ] {
        let (site, found) = full(url, &addresses).unwrap();
        assert_eq!((site.host.as_str(), found.as_str()), (host, target));
    }
    for url in [
        "http://192.0.2.1/MARKED",
        "http://169.254.169.254/MARKED",
        "http://[fd00:ec2::254]/MARKED",
        "http://no-such-host.invalid/MARKED",
        "ftp://127.0.0.1/MARKED",
        "http:///MARKED",
        "/MARKED",
        "http://u:MARKED@127.0.0.1/",
        "http://127.0.0.1/MAR KED",
        "file:///MARKED",
    ] {
        let server = Server::cloud();
        in_order(&world(&server).with(FULL, url).error(), &["setup", FULL]);
        assert!(server.kinds().is_empty());
    }
}

#[test]
fn relative_path_takes_precedence_and_selects_ecs() {
    let (site, target) = relative("/v2/credentials/x?y").unwrap();
    assert_eq!((site.url().as_str(), target.as_str()), ("http://169.254.170.2", "/v2/credentials/x?y"));
    let server = Server::cloud();
    in_order(&world(&server).with(RELATIVE, "MARKED").error(), &["setup", RELATIVE, "must begin with /"]);
    let provider = world(&server).with(RELATIVE, "/x").provider().unwrap().unwrap();
    in_order(&provider.origin(), &["169.254.170.2", RELATIVE]);
}

#[test]
fn token_file_is_reread_and_sent_verbatim() {
    let server = Server::cloud();
    let world = world(&server).with(TOKEN, "MARKED-a b");
    world.id();
    assert_eq!(server.requests()[0].header("authorization"), Some("MARKED-a b"));
    assert_eq!(server.requests()[0].header("accept"), Some("application/json"));
    let file = world.put("token", "MARKED-f1");
    let world = world.with(TOKEN_FILE, &file);
    let provider = world.provider().unwrap().unwrap();
    let used = provider.credentials().unwrap();
    std::fs::write(&file, "").unwrap();
    provider.invalidate(&used);
    provider.credentials().unwrap();
    let sent: Vec<_> =
        server.requests().iter().map(|request| request.header("authorization").map(str::to_owned)).collect();
    assert_eq!(sent[1..], [Some("MARKED-f1".to_owned()), None]);
    std::fs::write(&file, "MARKED\n").unwrap();
    in_order(&world.error(), &["access", TOKEN_FILE, "line break"]);
    std::fs::remove_file(&file).unwrap();
    in_order(&world.error(), &["access", "cannot be read", TOKEN_FILE]);
}

#[test]
fn rejections_and_invalid_responses_are_errors() {
    for (status, headers, body, parts, requests) in [
        (
            403,
            "content-type: application/json\r\n",
            r#"{"code":"No","message":"says MARKED-t"}"#,
            &["HTTP 403 No: says ***", "rejected the token"][..],
            1,
        ),
        (404, "", "nothing\nhere", &["HTTP 404: nothing here", "no role"], 1),
        (429, "", "", &["HTTP 429", "throttles requests"], 3),
        (500, "", "", &["HTTP 500"], 3),
        (0, "", "", &["no answer"], 3),
        (200, "", "{", &["an unusable response", "JSON"], 1),
        (200, "", r#"{"AccessKeyId":"AK"}"#, &["no SecretAccessKey"], 1),
        (
            200,
            "",
            r#"{"AccessKeyId":"AK","SecretAccessKey":"MARKED","Expiration":""}"#,
            &["Expiration is not a time"],
            1,
        ),
    ] {
        let server = Server::start(move |_| (status, headers.to_owned(), body.to_owned()));
        let world = world(&server).with(TOKEN, "MARKED-t");
        let error = world.error();
        in_order(&error, &["access", "there are no credentials from the container's role"]);
        in_order(&error, parts);
        assert_eq!(server.kinds().len(), requests, "{status}");
    }
}

#[test]
fn credentials_without_expiration_are_cached_forever() {
    let counted = Mutex::new(0);
    let server = Server::start(move |received: &Received| {
        *counted.lock().unwrap() += 1;
        if *counted.lock().unwrap() < 2 {
            json_answer(r#"{"AccessKeyId":"AK","SecretAccessKey":"MARKED","Expiration":null}"#)
        } else {
            cloud(received)
        }
    });
    let world = world(&server);
    let provider = world.provider().unwrap().unwrap();
    assert_eq!(provider.credentials().unwrap().expires, None);
    world.clock.advance(1_000_000);
    assert_eq!(provider.credentials().unwrap().access_key_id, "AK");
}
