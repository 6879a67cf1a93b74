use super::server::{Answer, Received, cloud};
use super::*;

/// Whatever came, sent back as an error of every kind, its secrets among it.
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

/// Every kind of source with marked secrets, on a server of each mood. [`World::keys`] looks at Debug, Display, chain
/// and hint; here the logs are looked at too.
#[test]
fn no_secret_is_shown_by_any_source_in_any_way() {
    const SERVERS: [fn(&Received) -> Answer; 3] = [
        cloud,
        echo,
        // Credentials where none belong, and nothing that can be read.
        |received| (200, String::new(), format!("{{\"AccessKeyId\": MARKED {}", received.body)),
    ];
    let role = "role_arn=arn:r\n";
    let keys = "aws_access_key_id=AK\naws_secret_access_key=MARKED-p\naws_session_token=MARKED-pt\n";
    let sso = "sso_session=s\nsso_account_id=1\nsso_role_name=r\n[sso-session s]\nsso_region=r\nsso_start_url=u\n";
    let profiles = [
        String::new(),
        format!("{role}{keys}"),
        format!("{role}source_profile=o\n[profile o]\n{keys}"),
        format!("{role}web_identity_token_file={{token}}\n"),
        sso.to_owned(),
        "credential_process=echo MARKED\n".to_owned(),
        "credential_process=echo MARKED; exit 1\n".to_owned(),
        "login_session=x\n".to_owned(),
        format!("{role}credential_source=MARKED-not-shown\n").replace("MARKED-not-shown", "Elsewhere"),
        "[profile half]\naws_secret_access_key=MARKED\n".to_owned(),
    ];
    for answer in SERVERS {
        let server = Server::start(answer);
        for profile in &profiles {
            for expires in ["2031-01-01T00:00:00Z", "2029-01-01T00:00:00Z"] {
                let world = World::new(&[("AWS_EC2_METADATA_DISABLED", "false")]).at(&server);
                let token = world.put("token", "MARKED-web");
                world.put(
                    ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json",
                    &precedence::sso_file(expires),
                );
                let world = world.config(&format!("[default]\n{}", profile.replace("{token}", &token)));
                let _ = world.keys();
            }
        }
        let container = World::new(&[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{}/container?x=1", server.url())),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "MARKED-auth"),
        ]);
        let _ = container.keys();
    }
    let logs = logs().0.lock().unwrap();
    assert!(logs.contains("credentials come from") && !logs.contains("MARKED"), "{logs}");
}
