use std::sync::Mutex;

use super::server::{cloud, sts_answer, sts_error};
use super::{ENV_KEYS, Find as _, Server, precedence};
use crate::aws::tests::{World, in_order};

const A_KEYS: &str = "aws_access_key_id=AKA\naws_secret_access_key=MARKED-a\naws_session_token=MARKED-at\n";

fn role(name: &str) -> String {
    format!("role_arn=arn:aws:iam::1:role/{name}\n")
}

fn ci(server: &Server, config: &str) -> World {
    World::new(&[("AWS_PROFILE", "ci")]).at(server).config(config)
}

#[test]
fn a_role_is_assumed_with_a_signed_request() {
    let server = Server::cloud();
    let config = format!(
        "[profile ci]\n{}source_profile=a\nexternal_id=an id&=\nrole_session_name=me\nduration_seconds=901\n[profile a]\n{A_KEYS}",
        role("one")
    );
    let world = ci(&server, &config);
    assert_eq!(world.keys().unwrap(), ("ROLE-AKA".into(), "MARKED-ROLE-AKA".into(), "MARKED-token-ROLE-AKA".into()));
    let request = &server.requests()[0];
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/"));
    assert_eq!(
        request.body,
        "Action=AssumeRole&DurationSeconds=901&ExternalId=an+id%26%3D&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fone&\
         RoleSessionName=me&Version=2011-06-15"
    );
    assert_eq!(request.header("x-amz-security-token"), Some("MARKED-at"));
    assert_eq!(request.header("content-length"), Some(request.body.len().to_string().as_str()));
    let signed = request.header("authorization").unwrap();
    in_order(
        signed,
        &["AWS4-HMAC-SHA256 Credential=AKA/20300101/eu-west-1/sts/aws4_request, SignedHeaders=content-type;host;"],
    );
    in_order(
        &world.provider().unwrap().unwrap().origin(),
        &["the role arn:aws:iam::1:role/one (role_arn of profile ci (", ":2)), assumed with profile a in "],
    );
}

#[test]
fn session_name_and_duration_have_defaults() {
    let server = Server::cloud();
    for (line, seconds) in [
        ("", "900"),
        ("duration_seconds=0x400\n", "1024"),
        ("duration_seconds=12\n", "900"),
        ("duration_seconds=-1\n", "900"),
        ("duration_seconds=soon\n", "900"),
    ] {
        assert_eq!(ci(&server, &format!("[profile ci]\n{}{A_KEYS}{line}", role("r"))).id(), "ROLE-AKA");
        let request = server.requests().pop().unwrap();
        assert_eq!(request.field("DurationSeconds").unwrap(), seconds);
        let name = request.field("RoleSessionName").unwrap();
        assert!(name.starts_with("s3-build-cache-") && name.len() <= 64, "{name}");
        assert_eq!(request.field("ExternalId"), None);
    }
    let long = format!("[profile ci]\n{}{A_KEYS}duration_seconds=50000\n", role("r"));
    in_order(&ci(&server, &long).error(), &["setup", "duration_seconds of profile ci", "900 to 43200"]);
}

/// Profiles are visited in the Go SDK's order.
#[test]
fn profiles_may_refer_to_other_profiles() {
    let (r1, r2) = (role("1"), role("2"));
    for (config, key, requests) in [
        // Two roles, the inner one first.
        (
            format!("[profile ci]\n{r1}source_profile=b\n[profile b]\n{r2}source_profile=c\n[profile c]\n{A_KEYS}"),
            "ROLE-ROLE-AKA",
            2,
        ),
        // A profile that names itself, for its keys.
        (format!("[profile ci]\n{r1}source_profile=ci\n{A_KEYS}"), "ROLE-AKA", 1),
        // A cycle in which the first profile has keys.
        (
            format!("[profile ci]\n{r1}source_profile=b\n{A_KEYS}[profile b]\n{r2}source_profile=ci\n"),
            "ROLE-ROLE-AKA",
            2,
        ),
        // A profile with keys ends the walk, and its own role is assumed with them.
        (
            format!("[profile ci]\n{r1}source_profile=b\n[profile b]\n{r2}source_profile=absent\n{A_KEYS}"),
            "ROLE-ROLE-AKA",
            2,
        ),
        (format!("[profile ci]\n{r1}{A_KEYS}"), "ROLE-AKA", 1),
        // The keys take precedence over the web identity, and the role is assumed with them.
        (format!("[profile ci]\n{r1}{A_KEYS}web_identity_token_file=/absent\n"), "ROLE-AKA", 1),
        (format!("[profile ci]\n{r1}"), "ROLE-AKIMDS", 4),
        (
            format!(
                "[profile ci]\n{r1}source_profile=b\n[profile b]\nsso_session=s\nsso_account_id=1\nsso_role_name=r\n[sso-session s]\nsso_region=r\nsso_start_url=u\n"
            ),
            "ROLE-AKSSO",
            2,
        ),
    ] {
        let server = Server::cloud();
        let world = ci(&server, &config).with("AWS_EC2_METADATA_DISABLED", "false");
        world.put(
            ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
            &precedence::sso_file("2031-01-01T02:00:00Z"),
        );
        assert_eq!(world.id(), key, "{config}");
        assert_eq!(server.kinds().len(), requests, "{config}");
    }
}

#[test]
fn contradictions_are_errors_when_the_profile_is_loaded() {
    let server = Server::cloud();
    let (r1, r2) = (role("1"), role("2"));
    for (config, parts) in [
        ("[profile ci]\nsource_profile=a\n".to_owned(), &["source_profile of profile ci (", "without role_arn"][..]),
        (
            "[profile ci]\ncredential_source=Environment\n".to_owned(),
            &["credential_source of profile ci", "without role_arn"],
        ),
        ("[profile ci]\nweb_identity_token_file=/x\n".to_owned(), &["web_identity_token_file", "without role_arn"]),
        (
            format!("[profile ci]\n{r1}source_profile=a\ncredential_process=x\n"),
            &["source_profile", "credential_process", "contradict", "keep one"],
        ),
        (
            format!("[profile ci]\n{r1}source_profile=absent\n"),
            &["no profile absent", "source_profile of profile ci", "config:3"],
        ),
        (
            format!("[profile ci]\n{r1}source_profile=b\n[profile b]\nregion=r\n"),
            &["profile b has no credentials", "source_profile of profile ci"],
        ),
        (format!("[profile ci]\n{r1}source_profile=b\n[profile b]\n{r2}"), &["profile b has no credentials"]),
        (format!("[profile ci]\n{r1}source_profile=ci\n"), &["profile ci has no credentials", "circle"]),
        (
            format!("[profile ci]\n{r1}source_profile=b\n[profile b]\n{r2}source_profile=ci\n"),
            &["profile ci has no credentials", "circle"],
        ),
        (
            format!("[profile ci]\n{r1}source_profile=b\n[profile b]\naws_access_key_id=x\n"),
            &["profile b has aws_access_key_id", "without aws_secret"],
        ),
        (
            "[profile ci]\nsso_session=nope\n".to_owned(),
            &["no section [sso-session nope]", "sso_session of profile ci"],
        ),
    ] {
        let world = ci(&server, &config);
        in_order(&world.error(), &["setup"]);
        in_order(&world.error(), parts);
        // The result is the same if the environment has keys.
        let world = ENV_KEYS.iter().fold(ci(&server, &config), |world, (name, value)| world.with(name, value));
        in_order(&world.error(), parts);
    }
    let mut chain = format!("[profile ci]\n{r1}source_profile=p0\n");
    for index in 0..100 {
        chain.push_str(&format!("[profile p{index}]\n{r1}source_profile=p{}\n", index + 1));
    }
    in_order(&ci(&server, &chain).error(), &["setup", "more than 32 profiles"]);
    assert!(server.kinds().is_empty());
}

#[test]
fn errors_in_unselected_profiles_are_ignored() {
    let server = Server::cloud();
    let r1 = role("1");
    for (config, parts) in [
        (
            format!("[profile ci]\n{r1}source_profile=a\nmfa_serial=m\n[profile a]\n{A_KEYS}"),
            &["mfa_serial of profile ci", "requires an MFA code, which is not supported"][..],
        ),
        (format!("[profile ci]\n{r1}credential_source=environment\n"), &["credential_source", "Ec2InstanceMetadata"]),
        (format!("[profile ci]\n{r1}credential_source=EcsContainer\n"), &["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]),
        (format!("[profile ci]\n{r1}credential_source=Environment\n"), &["AWS_ACCESS_KEY_ID"]),
        (
            "[profile ci]\nsso_region=r\nsso_account_id=1\n".to_owned(),
            &["sso_region of profile ci", "sso_start_url, sso_role_name"],
        ),
        (
            "[profile ci]\nsso_session=s\nsso_account_id=1\nsso_role_name=r\n[sso-session s]\nsso_region=r\n"
                .to_owned(),
            &["sso_start_url"],
        ),
        (
            "[profile ci]\nsso_session=s\nsso_region=x\n[sso-session s]\nsso_region=r\n".to_owned(),
            &["sso_region of profile ci", "sso_region of the sso-session", "contradict"],
        ),
        (
            "[profile ci]\nsso_session=s\n[sso-session s]\nsso_region=r\nsso_start_url=u\n".to_owned(),
            &["sso_account_id, sso_role_name"],
        ),
    ] {
        in_order(&ci(&server, &config).error(), &["setup"]);
        in_order(&ci(&server, &config).error(), parts);
        let world = ENV_KEYS.iter().fold(ci(&server, &config), |world, (name, value)| world.with(name, value));
        assert_eq!(world.id(), "AKENV", "{config}");
    }
}

#[test]
fn role_from_the_attribute_is_assumed_with_any_other_source() {
    let server = Server::cloud();
    let with_role =
        |world: World| world.attributes(&[("role_arn", "arn:top"), ("external_id", "x"), ("role_session_name", "n")]);
    let world = ENV_KEYS.iter().fold(World::new(&[]).at(&server), |world, (name, value)| world.with(name, value));
    assert_eq!(with_role(world).id(), "ROLE-AKENV");
    let request = server.requests().pop().unwrap();
    assert_eq!(request.field("RoleArn").as_deref(), Some("arn:top"));
    assert_eq!(request.field("ExternalId").as_deref(), Some("x"));
    assert_eq!(request.field("RoleSessionName").as_deref(), Some("n"));
    let config = format!("[profile ci]\n{}source_profile=a\n[profile a]\n{A_KEYS}", role("one"));
    assert_eq!(with_role(ci(&server, &config)).id(), "ROLE-ROLE-AKA");
    assert_eq!(with_role(World::new(&[("AWS_EC2_METADATA_DISABLED", "")]).at(&server)).id(), "ROLE-AKIMDS");
    in_order(
        &with_role(World::new(&[]).at(&server)).error(),
        &["there are no credentials: tried", "AWS_EC2_METADATA_DISABLED"],
    );
}

#[test]
fn web_identity_reads_its_file_each_time_and_is_not_signed() {
    let server = Server::cloud();
    let world = World::new(&[("AWS_ROLE_ARN", "arn:r"), ("AWS_ROLE_SESSION_NAME", "me")]).at(&server);
    let token = world.put("token", "MARKED-1\r\n");
    let world = world.with("AWS_WEB_IDENTITY_TOKEN_FILE", &token);
    let provider = world.provider().unwrap().unwrap();
    provider.credentials().unwrap();
    std::fs::write(&token, "MARKED-2 ").unwrap();
    world.clock.advance(3600);
    assert!(provider.credentials().is_err());
    let requests = server.requests();
    assert_eq!(
        requests[0].body,
        "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Ar&RoleSessionName=me&Version=2011-06-15&WebIdentityToken=MARKED-1"
    );
    assert_eq!(requests[0].header("authorization"), None);
    assert_eq!(requests[1].field("WebIdentityToken").as_deref(), Some("MARKED-2"));
    std::fs::write(&token, "\n").unwrap();
    in_order(
        &world.error(),
        &[
            "access",
            "the role arn:r, assumed with the web identity in",
            "is empty",
            "which the CI system or Kubernetes must write",
        ],
    );
    std::fs::remove_file(&token).unwrap();
    in_order(&world.error(), &["access", "cannot be read", "AWS_WEB_IDENTITY_TOKEN_FILE"]);
    let half = World::new(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/x")]);
    in_order(&half.error(), &["setup", "without AWS_ROLE_ARN"]);
}

fn web(server: &Server) -> World {
    let world = World::new(&[("AWS_ROLE_ARN", "arn:r")]).at(server);
    let token = world.put("token", "MARKED-web");
    world.with("AWS_WEB_IDENTITY_TOKEN_FILE", &token)
}

#[test]
fn transient_sts_errors_are_retried() {
    for (status, code, requests) in [
        (400, "InvalidIdentityToken", 3),
        (400, "IDPCommunicationError", 3),
        (400, "Throttling", 3),
        (503, "ServiceUnavailable", 3),
        (500, "", 3),
        (0, "", 3),
        (403, "AccessDenied", 1),
        (400, "ExpiredTokenException", 1),
        (307, "", 1),
        (400, "", 1),
    ] {
        let server = Server::start(move |_| sts_error(status, code, "says &lt;MARKED-web> no"));
        let world = web(&server);
        let error = world.error();
        in_order(&error, &["access", "the role arn:r, assumed with the web identity", "AssumeRoleWithWebIdentity"]);
        if status != 0 {
            in_order(&error, &[format!("HTTP {status} {code}").trim(), "says <***> no"]);
        }
        assert_eq!(server.kinds().len(), requests, "{code}");
        assert_eq!(world.clock.slept.lock().unwrap().len(), requests - 1);
    }
    let tries = Mutex::new(0);
    let server = Server::start(move |received| {
        *tries.lock().unwrap() += 1;
        if *tries.lock().unwrap() < 3 { sts_error(400, "InvalidIdentityToken", "") } else { cloud(received) }
    });
    assert_eq!(web(&server).id(), "AKWEB");
}

#[test]
fn response_without_credentials_is_an_error() {
    let whole = sts_answer("AssumeRoleWithWebIdentity", "AK").2;
    let lower = whole.replace("<AccessKeyId>", "<accesskeyid>").replace("</AccessKeyId>", "</accesskeyid>");
    let lower = lower.replace("T01:00:00Z", "T01:00:00.5");
    for (body, usable) in [
        (lower, true),
        (String::new(), false),
        ("<html>".to_owned(), false),
        ("{}".to_owned(), false),
        (whole.replace("<AccessKeyId>AK</AccessKeyId>", ""), false),
        (whole.replace("MARKED-token-AK", ""), false),
        (whole.replace("2030-01-01T01:00:00Z", "tomorrow"), false),
        (whole.replace("2030-01-01T01:00:00Z", "2029-01-01T01:00:00Z"), false),
        (whole.replace("MARKED-AK", "MARKED&#10;AK"), false),
        (whole.replace("Credentials>", "Other>"), false),
    ] {
        let answer = body.clone();
        let server = Server::start(move |_| (200, String::new(), answer.clone()));
        if usable {
            assert_eq!(web(&server).id(), "AK");
        } else {
            in_order(&web(&server).error(), &["access", "there are no credentials from the role arn:r"]);
        }
    }
}

#[test]
fn sts_endpoint_follows_the_common_rules() {
    let server = Server::cloud();
    let config = format!("[default]\nservices=s\n[services s]\nsts =\n  endpoint_url = {}/base/\n", server.url());
    let world = World::new(&[("AWS_ROLE_ARN", "arn:r")]).config(&config);
    let token = world.put("token", "MARKED-web");
    let world = world.with("AWS_WEB_IDENTITY_TOKEN_FILE", &token);
    assert_eq!(world.id(), "AKWEB");
    assert_eq!(server.requests()[0].target, "/base/");
    let world = world.with("AWS_ENDPOINT_URL", &server.url());
    assert_eq!(world.id(), "AKWEB");
    assert_eq!(server.requests()[1].target, "/");
    in_order(&world.with("AWS_ENDPOINT_URL_STS", "nonsense").error(), &["setup", "AWS_ENDPOINT_URL_STS"]);
}
