use super::server::{Answer, Received, cloud};
use super::{Find as _, Server, precedence};
use crate::aws::tests::{World, logs};

/// Echoes the whole request, including its secrets, as an error of every kind.
fn echo(received: &Received) -> Answer {
    let mut all = received.body.clone();
    for name in ["authorization", "x-amz-security-token", "x-aws-ec2-metadata-token", "x-amz-sso_bearer_token"] {
        all.push_str(received.header(name).unwrap_or_default());
        all.push(' ');
    }
    let text = all.replace(['"', '<', '>', '&', '{', '}'], " ");
    let body = if received.field("Action").is_some() {
        format!("<ErrorResponse><Error><Code>AccessDenied</Code><Message>{text}</Message></Error></ErrorResponse>")
    } else {
        format!(r#"{{"code":"No","message":"{text}","error":"no","error_description":"{text}"}}"#)
    };
    (403, "content-type: application/json\r\n".to_owned(), body)
}

/// Additions that no row has: the container's authorization token, an additional role, keys as attributes, an SSO login
/// that is due for a refresh, and expired instance credentials.
const ON_TOP: &[fn(World) -> World] = &[
    |world| world.with("AWS_CONTAINER_AUTHORIZATION_TOKEN", "MARKED-authorization"),
    |world| {
        let token = world.put("authorization", "MARKED-authorization");
        world.with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &token)
    },
    |world| world.attribute("role_arn", "arn:top"),
    |world| {
        world.attributes(&[
            ("access_key_id", "AKATTRIBUTE"),
            ("secret_access_key", "MARKED-attribute"),
            ("session_token", "MARKED-attribute-token"),
            ("role_arn", "arn:top"),
        ])
    },
    |world| {
        let login = ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json";
        world.put(login, &precedence::sso_file("2029-01-01T00:00:00Z"));
        world.clock.advance(90_000);
        world
    },
];

/// Runs every source with marked secrets against a server of each kind. [`World::keys`] checks Debug, Display, the
/// error chain and the hint; this test also checks the logs, including those of dependencies.
#[test]
fn no_secret_is_shown_by_any_source_in_any_way() {
    const SERVERS: [fn(&Received) -> Answer; 3] = [
        cloud,
        echo,
        // Credentials in the wrong place, in a response that cannot be parsed.
        |received| (200, String::new(), format!("{{\"AccessKeyId\": MARKED {}", received.body)),
    ];
    let keys = "aws_access_key_id=AK\naws_secret_access_key=MARKED-p\naws_session_token=MARKED-pt\n";
    let odd = [
        format!("role_arn=arn:r\n{keys}"),
        "aws_access_key_id=AK\naws_secret_access_key=MARKED-p\naws_session_token=MARKED \u{1}\n".to_owned(),
        "credential_process=echo MARKED\n".to_owned(),
        "credential_process=echo MARKED; exit 1\n".to_owned(),
        "credential_process=echo '{\"Version\":1,\"AccessKeyId\":\"\",\"SecretAccessKey\":\"MARKED\"}'\n".to_owned(),
        "login_session=x\n".to_owned(),
        "role_arn=arn:r\ncredential_source=Elsewhere\n".to_owned(),
        "aws_secret_access_key=MARKED\n".to_owned(),
    ];
    for answer in SERVERS {
        let server = Server::start(answer);
        for row in precedence::ROWS {
            let _ = precedence::world(&server, &[row]).keys();
            for change in ON_TOP {
                let _ = change(precedence::world(&server, &[row])).keys();
            }
        }
        for profile in &odd {
            let _ = World::new(&[]).at(&server).config(&format!("[default]\n{profile}")).keys();
        }
    }
    let logs = logs().text();
    assert_eq!(log::max_level(), log::LevelFilter::Trace);
    for part in ["credentials come from", "(ureq"] {
        assert!(logs.contains(part), "{part} is not logged");
    }
    let shown: Vec<&str> = logs.lines().filter(|line| line.contains("MARKED")).collect();
    assert!(shown.is_empty(), "{shown:?}");
}
