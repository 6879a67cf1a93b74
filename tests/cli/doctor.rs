//! `doctor`, as a user runs it.

use std::io::{Read, Write};

use serde_json::Value;

use super::{Run, file_store, run, run_with};
use crate::network::listener::Listener;
use crate::network::{attributes, variables};
use crate::s3_server::{Failure, Fault, Match, Operation, Server};

fn doctor(server: &Server, more: &[(&str, &str)], arguments: &[&str]) -> Run {
    let attributes = attributes(server, &server.endpoint());
    let variables = variables(server, more);
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    run_with(&[&["doctor", &attributes], arguments].concat(), &variables)
}

fn deny(server: &Server, operation: Operation) {
    let denied = Failure::new(403, "AccessDenied", "Access Denied");
    server.fault(Match::operation(operation).always(), Fault::Reply(denied));
}

#[test]
fn every_step_is_a_line_and_what_fails_has_its_fix() {
    let server = Server::start();
    let run = doctor(&server, &[], &["--write"]).expect(0);
    assert_eq!(run.last_line(), "all is well");
    assert!(run.stdout.contains("\u{2713} options     s3://cache/") && run.stderr.is_empty(), "{}", run.stdout);
    assert!(!run.stdout.contains('\u{1b}'), "no colors where there is no terminal");
    deny(&server, Operation::ListObjectsV2);
    let run = doctor(&server, &[], &[]).expect(4);
    assert!(run.stdout.contains("\u{2717} list        ListObjectsV2 s3://cache: 403 AccessDenied"), "{}", run.stdout);
    assert!(run.stdout.contains("\n  fix: allow s3:ListBucket on the bucket"), "{}", run.stdout);
    assert_eq!(run.last_line(), "1 check failed");
    let quiet = doctor(&server, &[], &["-q"]).expect(4);
    assert_eq!(quiet.stdout.lines().count(), 2, "{}", quiet.stdout);
}

#[test]
fn the_status_is_that_of_a_refusal_where_there_is_one() {
    let work = tempfile::tempdir().unwrap();
    let store = file_store(work.path());
    run(&["doctor", &store]).expect(0);
    std::fs::create_dir_all(work.path().join("trial/manifests")).unwrap();
    std::fs::write(work.path().join("trial/manifests/buildkit"), "{").unwrap();
    run(&["doctor", &store]).expect(5);
    run(&["doctor", "type=s3,bucket=trial"]).expect(2);
    let server = Server::start();
    server.set_clock_ahead(7200);
    doctor(&server, &[], &[]).expect(1);
    deny(&server, Operation::GetObject);
    doctor(&server, &[], &[]).expect(4);
    doctor(&server, &[("AWS_SECRET_ACCESS_KEY", "wrong")], &[]).expect(4);
    run(&["doctor", &attributes(&server, &server.endpoint())]).expect(4);
    run(&["doctor", &attributes(&server, "http://127.0.0.1:1")]).expect(4);
    doctor(&server, &[("AWS_CA_BUNDLE", "/nowhere")], &[]).expect(1);
}

#[test]
fn one_object_tells_every_check() {
    let server = Server::start();
    deny(&server, Operation::PutObject);
    let run = doctor(&server, &[], &["--write", "--json"]).expect(4);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&object["version"], &object["command"]), (&1.into(), &"doctor".into()));
    assert_eq!(object["outcome"], "failed");
    let check = |name: &str| {
        let checks = object["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == name).unwrap().clone()
    };
    let write = check("write");
    assert_eq!((&write["outcome"], &write["kind"]), (&"failed".into(), &"access".into()));
    assert!(write["hint"].as_str().unwrap().contains("s3:PutObject"), "{write}");
    assert_eq!((&check("touch")["outcome"], &check("read")["outcome"]), (&"skipped".into(), &"passed".into()));
    let usage: Value =
        serde_json::from_str(&super::run(&["doctor", "type=s3,x=1", "--json"]).expect(2).stdout).unwrap();
    assert_eq!((&usage["command"], &usage["error"]["kind"]), (&"doctor".into(), &"usage".into()));
}

/// Whatever is sent comes back as the reason of a refusal, from the store and from the services alike.
#[test]
fn no_secret_is_shown_whatever_comes_back() {
    let echo = Listener::start(|mut stream| {
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        // Nobody says when a body ends that is not counted: what comes with the head is enough.
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
                _ => return,
            }
        }
        let said = String::from_utf8_lossy(&request).replace(['<', '>', '&'], " ");
        let error = format!("<Error><Code>AccessDenied</Code><Message>{said}</Message></Error>");
        let body = if said.contains("sts") { format!("<ErrorResponse>{error}</ErrorResponse>") } else { error };
        let length = body.len();
        let _ = write!(stream, "HTTP/1.1 403 X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    });
    let url = format!("http://{}", echo.address);
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let token = file("token", "MARKED-web-identity");
    let keys =
        "aws_access_key_id=MARKEDKEYID0000\naws_secret_access_key=MARKED-secret\naws_session_token=MARKED-token\n";
    let profile = file("profile", &format!("[default]\n{keys}"));
    let role = file("role", &format!("[default]\nrole_arn=arn:r\nsource_profile=s\n[profile s]\n{keys}"));
    let process = file("process", "[default]\ncredential_process=echo MARKED-process\n");
    // Not the store's own, or it would not be asked.
    let sts = format!("{url}/sts");
    let container = format!("{url}/x");
    for more in [
        &[
            ("AWS_ACCESS_KEY_ID", "MARKEDKEYID0000"),
            ("AWS_SECRET_ACCESS_KEY", "MARKED-secret"),
            ("AWS_SESSION_TOKEN", "MARKED-token"),
        ][..],
        &[("AWS_WEB_IDENTITY_TOKEN_FILE", &token), ("AWS_ROLE_ARN", "arn:r")],
        &[("AWS_CONFIG_FILE", &profile)],
        &[("AWS_CONFIG_FILE", &role)],
        &[("AWS_CONFIG_FILE", &process)],
        &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "MARKED-authorization"),
        ],
    ] {
        let services = [("AWS_ENDPOINT_URL_STS", sts.as_str()), ("AWS_MAX_ATTEMPTS", "1")];
        let variables = [more, &services].concat();
        for format in [&["-vv"][..], &["--json", "-vv"], &["--write"]] {
            let attributes = format!("type=s3,bucket=cache,region=r,endpoint_url={url},retry_max_attempts=1");
            let run = run_with(&[&["doctor", &attributes], format].concat(), &variables).expect(4);
            let all = format!("{}{}", run.stdout, run.stderr);
            // Of a key id four characters at either end are shown.
            assert!(!all.replace("MARK\u{2026}", "").contains("MARKED"), "{all}");
        }
    }
}
