use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::aws::tests::{World, in_order};
use crate::credentials::tests::server::{Answer, ROLES, Received, SOON, cloud, json_answer};
use crate::credentials::tests::{Find as _, Server};

const PUT: &str = "PUT /latest/api/token";

fn world(server: &Server) -> World {
    World::new(&[("AWS_EC2_METADATA_DISABLED", "false")]).at(server)
}

fn text(status: u16, body: &str) -> Answer {
    (status, String::new(), body.to_owned())
}

/// Starts a server that gives this response to the token request.
fn with_token(status: u16, headers: &'static str) -> Server {
    Server::start(move |received: &Received| {
        if received.method == "PUT" { (status, headers.to_owned(), "MARKED-tok".to_owned()) } else { cloud(received) }
    })
}

#[test]
fn version_two_is_three_requests_with_a_token() {
    let server = Server::cloud();
    let keys = world(&server).keys().unwrap();
    assert_eq!(keys, ("AKIMDS".to_owned(), "MARKED-i".to_owned(), "MARKED-it".to_owned()));
    let requests = server.requests();
    assert_eq!(server.kinds(), [PUT, &format!("GET {ROLES}"), &format!("GET {ROLES}the-role")]);
    assert_eq!(requests[0].header("x-aws-ec2-metadata-token-ttl-seconds"), Some("300"));
    assert_eq!(requests[0].header("content-length"), Some("0"));
    assert_eq!(requests[1].header("x-aws-ec2-metadata-token"), Some("MARKED-imds-token"));
    assert_eq!(requests[2].header("x-aws-ec2-metadata-token"), Some("MARKED-imds-token"));
}

/// The columns count the token requests in two fetches, and say whether version 1 is used afterwards.
#[test]
fn version_one_is_used_if_version_two_is_unavailable_and_it_is_allowed() {
    for (status, headers, asked, v1) in [
        (403, "", [1, 0], true),
        (404, "", [1, 0], true),
        (405, "", [1, 0], true),
        (401, "", [1, 1], true),
        (418, "", [1, 1], true),
        (200, "", [1, 1], true),
        (200, "x-aws-ec2-metadata-token-ttl-seconds: soon\r\n", [1, 1], true),
        (503, "", [3, 3], true),
        (0, "", [3, 0], true),
        (400, "", [1, 1], false),
    ] {
        let server = with_token(status, headers);
        let tokens = |server: &Server| server.kinds().iter().filter(|kind| *kind == PUT).count();
        let provider = world(&server).provider().unwrap().unwrap();
        let first = provider.credentials();
        assert_eq!(first.is_ok(), v1, "{status}");
        assert_eq!(tokens(&server), asked[0], "{status}");
        if let Ok(first) = first {
            provider.invalidate(&first);
        }
        assert_eq!(provider.credentials().is_ok(), v1, "{status}");
        assert_eq!(tokens(&server), asked[0] + asked[1], "{status}");
        assert!(server.requests().iter().all(|request| request.header("x-aws-ec2-metadata-token").is_none()));

        let strict = world(&server).with("AWS_EC2_METADATA_V1_DISABLED", "true");
        assert!(strict.keys().is_err(), "{status}");
        let strict = world(&server).config("[default]\nec2_metadata_v1_disabled=TRUE\n");
        assert!(strict.keys().is_err(), "{status}");
    }
}

#[test]
fn rejections_have_hints() {
    let refuse = |status, body: &'static str| {
        Server::start(
            move |received: &Received| {
                if received.target == ROLES { text(status, body) } else { cloud(received) }
            },
        )
    };
    let server = refuse(404, "");
    in_order(&world(&server).error(), &["access", "there are no credentials: tried", "HTTP 404", "instance profile"]);
    assert_eq!(server.kinds().len(), 2);
    let server = refuse(500, "");
    in_order(&world(&server).error(), &["HTTP 500"]);
    assert_eq!(server.kinds().len(), 4);
    // Retried once with a new token.
    let server = refuse(401, "");
    in_order(&world(&server).error(), &["HTTP 401", "hop limit"]);
    assert_eq!(server.kinds().len(), 4);
    in_order(&world(&refuse(200, " \n")).error(), &["names no role", "instance profile"]);
}

#[test]
fn responses_without_credentials_are_errors() {
    let good = format!(
        r#"{{"Code":"Success","AccessKeyId":"AK","SecretAccessKey":"MARKED-i","Token":"MARKED-it","Expiration":"{SOON}"}}"#
    );
    for (body, parts) in [
        (
            r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"no trust"}"#.to_owned(),
            &["AssumeRoleUnauthorizedAccess: no trust"][..],
        ),
        (good.replace("\"Code\":\"Success\",", ""), &["it has no Code"]),
        (good.replace("\"AccessKeyId\":\"AK\",", ""), &["it has no AccessKeyId"]),
        (good.replace("MARKED-i\"", "\""), &["it has no SecretAccessKey"]),
        (good.replace("2030-", "soon"), &["Expiration is not a time"]),
        ("MARKED".to_owned(), &["not one JSON object"]),
    ] {
        let server =
            Server::start(
                move |received: &Received| {
                    if received.target.ends_with("the-role") { json_answer(&body) } else { cloud(received) }
                },
            );
        in_order(&world(&server).error(), &["access", "no usable credentials for role the-role"]);
        in_order(&world(&server).error(), parts);
    }
}

/// Something else may respond there, with its own secrets.
#[test]
fn invalid_role_names_are_never_part_of_a_url() {
    for list in [r#"{"Token":"MARKED"}"#, "<html>MARKED", "MARKED/../..", "MARKED role"] {
        let server =
            Server::start(move |received| if received.target == ROLES { text(200, list) } else { cloud(received) });
        in_order(&world(&server).error(), &["access", "names no role", "instance profile"]);
        assert_eq!(server.kinds(), [PUT, &format!("GET {ROLES}")]);
    }
}

/// AWS honours expired credentials while the instance cannot get new ones.
#[test]
fn expired_instance_credentials_are_used() {
    let server = Server::cloud();
    let world = world(&server);
    world.clock.advance(24 * 3600);
    let provider = world.provider().unwrap().unwrap();
    assert_eq!(provider.credentials().unwrap().access_key_id, "AKIMDS");
    provider.credentials().unwrap();
    assert_eq!(server.kinds().len(), 3);
    world.clock.advance(660);
    provider.credentials().unwrap();
    assert_eq!(server.kinds().len(), 6);
}

/// As in the Go SDK, a temporary outage of the metadata service does not fail a transfer.
#[test]
fn previous_credentials_are_used_while_the_service_does_not_respond() {
    let away = Arc::new(AtomicBool::new(false));
    let gone = away.clone();
    let server =
        Server::start(move |received| if gone.load(Ordering::SeqCst) { text(500, "") } else { cloud(received) });
    let world = world(&server);
    let provider = world.provider().unwrap().unwrap();
    provider.credentials().unwrap();
    away.store(true, Ordering::SeqCst);
    // First past the hour between refreshes, then past the credentials' own expiry.
    for seconds in [3700, 700, 700] {
        world.clock.advance(seconds);
        assert_eq!(provider.credentials().unwrap().access_key_id, "AKIMDS");
        let asked = server.kinds().len();
        provider.credentials().unwrap();
        assert_eq!(server.kinds().len(), asked);
    }
    assert!(self::world(&server).provider().unwrap().unwrap().credentials().is_err());
}

#[test]
fn settings_are_checked_even_if_the_service_is_not_queried() {
    let keys = [("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "MARKED")];
    for (name, value) in [("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5"), ("AWS_EC2_METADATA_V1_DISABLED", "1")] {
        in_order(&World::new(&keys).with(name, value).error(), &["setup", name]);
    }
    let config = "[default]\nec2_metadata_service_endpoint_mode=x\n";
    in_order(&World::new(&keys).config(config).error(), &["setup", "endpoint_mode of profile default"]);
    for (mode, host) in [(" ipV6 ", "http://[fd00:ec2::254]"), ("IPv4", "http://169.254.169.254")] {
        let world = World::new(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", mode)]);
        in_order(&world.provider().unwrap().unwrap().origin(), &[host]);
    }
    // The endpoint is validated only when it is needed.
    let nonsense = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "nonsense");
    assert_eq!(World::new(&keys).with(nonsense.0, nonsense.1).id(), "AK");
    in_order(&World::new(&[nonsense]).error(), &["setup", nonsense.0]);
    in_order(&World::new(&[]).error(), &["access", "AWS_EC2_METADATA_DISABLED", "set AWS_ACCESS_KEY_ID"]);
}

#[test]
fn unreachable_service_fails_quickly() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let world = World::new(&[
        ("AWS_EC2_METADATA_DISABLED", "no"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &format!("http://{free}")),
    ]);
    in_order(&world.error(), &["there are no credentials: tried", "did not answer", "set AWS_ACCESS_KEY_ID"]);
    let slept: std::time::Duration = world.clock.slept.lock().unwrap().iter().sum();
    assert!(slept <= super::GIVE_UP, "{slept:?}");
}
