use crate::aws::tests::{World, in_order};
use crate::credentials::tests::server::{Received, cloud};
use crate::credentials::tests::{Find as _, Server};

const SESSION: &str = "[default]\nsso_session=my session\nsso_account_id=123\nsso_role_name=a role\nsso_region=eu-west-1\n\
    [sso-session my session]\nsso_region=eu-west-1\nsso_start_url=https://start\n";
const LEGACY: &str =
    "[default]\nsso_account_id=123\nsso_role_name=a role\nsso_region=eu-west-1\nsso_start_url=https://start\n";

fn login(expires: &str) -> String {
    format!(
        r#"{{"accessToken":"MARKED-access","expiresAt":"{expires}","refreshToken":"MARKED-refresh","clientId":"id","clientSecret":"MARKED-client","startUrl":"kept"}}"#
    )
}

fn path(key: &str) -> String {
    use sha1::{Digest, Sha1};
    format!(".aws/sso/cache/{}.json", hex::encode(Sha1::digest(key.as_bytes())))
}

const VALID: &str = "2030-01-01T00:10:00Z";
const EXPIRED: &str = "2029-01-01T00:10:00Z";

#[test]
fn sso_login_provides_credentials_for_a_role() {
    for (config, key) in [(SESSION, "my session"), (LEGACY, "https://start")] {
        let server = Server::cloud();
        let world = World::new(&[]).at(&server).config(config);
        world.put(&path(key), &login(VALID));
        assert_eq!(world.keys().unwrap(), ("AKSSO".to_owned(), "MARKED-s".to_owned(), "MARKED-st".to_owned()));
        assert_eq!(server.kinds(), ["GET /federation/credentials?account_id=123&role_name=a%20role"]);
        let request = &server.requests()[0];
        assert_eq!(request.header("x-amz-sso_bearer_token"), Some("MARKED-access"));
        assert_eq!(request.header("authorization"), None);
        in_order(&world.provider().unwrap().unwrap().origin(), &["role a role in account 123 by SSO (sso_"]);
    }
}

#[test]
fn expired_login_is_refreshed_in_its_file() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::cloud();
    let world = World::new(&[]).at(&server).config(SESSION);
    let file = world.put(&path("my session"), &login(EXPIRED));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(world.id(), "AKSSO");
    let requests = server.requests();
    assert_eq!((requests[0].method.as_str(), requests[0].target.as_str()), ("POST", "/token"));
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    let sent: serde_json::Value = serde_json::from_str(&requests[0].body).unwrap();
    let expected = serde_json::json!({
        "clientId": "id", "clientSecret": "MARKED-client", "grantType": "refresh_token", "refreshToken": "MARKED-refresh",
    });
    assert_eq!(sent, expected);
    assert_eq!(requests[1].header("x-amz-sso_bearer_token"), Some("MARKED-renewed"));
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let expected = serde_json::json!({
        "accessToken": "MARKED-renewed", "expiresAt": "2030-01-01T01:00:00Z", "refreshToken": "MARKED-next",
        "clientId": "id", "clientSecret": "MARKED-client", "startUrl": "kept",
    });
    assert_eq!(kept, expected);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(std::fs::read_dir(world.home.path().join(".aws/sso/cache")).unwrap().count(), 1);
    // The next request finds the file.
    assert_eq!(world.id(), "AKSSO");
    assert_eq!(server.kinds().len(), 3);
}

#[test]
fn unusable_logins_are_errors() {
    let renew_with = login(EXPIRED);
    for (config, key, file, parts) in [
        (SESSION, "my session", None, &["cannot be read", "aws sso login --sso-session 'my session'"][..]),
        (LEGACY, "https://start", None, &["cannot be read", "aws sso login --profile 'default'"]),
        (LEGACY, "https://start", Some(renew_with.clone()), &["has expired", "log in again"]),
        (
            SESSION,
            "my session",
            Some(renew_with.replace("refreshToken", "x")),
            &["cannot be refreshed", "log in again"],
        ),
        (SESSION, "my session", Some("MARKED".to_owned()), &["is not an SSO login", "JSON"]),
        (SESSION, "my session", Some(login("2030-01-01T00:00:00UTC")), &["expiresAt is not a time"]),
        (SESSION, "my session", Some(login(VALID).replace("accessToken", "x")), &["has no accessToken"]),
    ] {
        let server = Server::cloud();
        let world = World::new(&[]).at(&server).config(config);
        if let Some(text) = file {
            world.put(&path(key), &text);
        }
        let error = world.error();
        in_order(&error, &["access", "there are no credentials from role a role in account 123"]);
        in_order(&error, parts);
        assert!(server.kinds().is_empty());
    }
}

#[test]
fn rejections_show_no_token() {
    for (path_begins, status, header, parts, requests) in [
        (
            "/fed",
            401,
            "UnauthorizedException:http://x",
            &["HTTP 401 UnauthorizedException: says *** no", "aws sso login"][..],
            2,
        ),
        ("/fed", 403, "ForbiddenException", &["HTTP 403 ForbiddenException", "has role a role in account 123"], 2),
        ("/fed", 429, "TooManyRequestsException", &["HTTP 429"], 4),
        (
            "/token",
            400,
            "InvalidGrantException",
            &["login has expired; CreateToken", "HTTP 400 InvalidGrantException", "aws sso login"],
            1,
        ),
        ("/token", 200, "", &["CreateToken", "aws sso login"], 1),
    ] {
        let server = Server::start(move |received: &Received| {
            if received.target.starts_with(path_begins) {
                let body = r#"{"message":"says MARKED-renewed no MARKED-refresh"}"#;
                let body = if path_begins == "/token" {
                    body.replace("MARKED-renewed", "")
                } else {
                    body.replace("MARKED-refresh", "")
                };
                (status, format!("x-amzn-errortype: {header}\r\n"), body)
            } else {
                cloud(received)
            }
        });
        let world = World::new(&[]).at(&server).config(SESSION);
        world.put(&path("my session"), &login(EXPIRED));
        let error = world.error();
        in_order(&error, &["access"]);
        in_order(&error, parts);
        assert_eq!(server.kinds().len(), requests, "{header}");
    }
}
