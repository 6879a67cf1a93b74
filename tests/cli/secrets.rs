//! No secret is printed, whatever its source, the log level and the output format.

use std::fs;
use std::process::Command;

use super::Run;
use crate::stub::{Answer, Request, Stub};

/// Returns MARKED credentials to requests for them, and answers all others with everything they sent, as S3 does.
fn talkative(request: &Request) -> Answer {
    const SOON: &str = "2999-01-01T00:00:00Z";
    let json = |text: String| (200, "content-type: application/json\r\n".to_owned(), text);
    if let Some(action) = ["AssumeRoleWithWebIdentity", "AssumeRole"].iter().find(|name| request.body.contains(**name))
    {
        let body = format!(
            "<{action}Response><{action}Result><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>\
             <SecretAccessKey>MARKED-role-secret</SecretAccessKey><SessionToken>MARKED-role-token</SessionToken>\
             <Expiration>{SOON}</Expiration></Credentials></{action}Result></{action}Response>"
        );
        return (200, String::new(), body);
    }
    if request.starts_with("PUT /latest/api/token ") {
        let headers = "x-aws-ec2-metadata-token-ttl-seconds: 300\r\n".to_owned();
        return (200, headers, "MARKED-metadata-token".to_owned());
    }
    if request.starts_with("GET /latest/meta-data/iam/security-credentials/ ") {
        return (200, String::new(), "role".to_owned());
    }
    if request.starts_with("GET /latest/") || request.starts_with("GET /container ") {
        return json(format!(
            r#"{{"Code":"Success","AccessKeyId":"ASIA","SecretAccessKey":"MARKED-secret-key","Token":"MARKED-session-token","Expiration":"{SOON}"}}"#
        ));
    }
    if request.starts_with("GET /federation/") {
        return json(
            r#"{"roleCredentials":{"accessKeyId":"ASIA","secretAccessKey":"MARKED-secret-key","sessionToken":"MARKED-session-token","expiration":32472144000000}}"#
                .to_owned(),
        );
    }
    if request.starts_with("POST /token ") {
        return json(
            r#"{"accessToken":"MARKED-new-access","expiresIn":3600,"refreshToken":"MARKED-new-refresh"}"#.to_owned(),
        );
    }
    echo(request)
}

/// Answers every request with what it sent, as the service of a credential source may do.
fn echo(request: &Request) -> Answer {
    let all = format!("{}{}", request.head, request.body).replace(['<', '>', '&', '"', '{', '}', '\\'], " ");
    let all = all.replace(['\r', '\n'], " ");
    let all = all.split(' ').filter(|word| word.contains("MARKED")).collect::<Vec<_>>().join(" ");
    if request.starts_with("GET /cache") || request.starts_with("HEAD /cache") || !request.body.is_empty() {
        let body = format!("<Error><Code>AccessDenied</Code><Message>not with {all}</Message></Error>");
        return (403, format!("server: {all}\r\nx-amz-request-id: {all}\r\n"), body);
    }
    let body = format!(r#"{{"code":"Refused","message":"not with {all}","error_description":"{all}"}}"#);
    (403, "content-type: application/json\r\n".to_owned(), body)
}

/// The name of a source, its variables, and its config file. `{url}` is the server, `{home}` the home directory.
type Source = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const SOURCES: &[Source] = &[
    (
        "environment",
        &[
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_SECRET_ACCESS_KEY", "MARKED-secret-key"),
            ("AWS_SESSION_TOKEN", "MARKED-session-token"),
        ],
        "",
    ),
    ("web identity", &[("AWS_WEB_IDENTITY_TOKEN_FILE", "{home}/token"), ("AWS_ROLE_ARN", "arn:r")], ""),
    ("keys", &[], KEYS),
    (
        "assumed role",
        &[],
        "role_arn=arn:r\nsource_profile=o\n[profile o]\naws_access_key_id=AK\naws_secret_access_key=MARKED-secret-key\naws_session_token=MARKED-session-token\n",
    ),
    ("web identity of a profile", &[], "role_arn=arn:r\nweb_identity_token_file={home}/token\n"),
    ("SSO", &[], SSO),
    (
        "expired SSO",
        &[],
        "sso_session=old\nsso_account_id=1\nsso_role_name=r\n[sso-session old]\nsso_region=r\nsso_start_url=u\n",
    ),
    ("login", &[], "login_session=l\n"),
    ("process", &[], "credential_process=cat {home}/printed; echo MARKED-standard-error >/dev/null\n"),
    ("failing process", &[], "credential_process=cat {home}/token; exit 3\n"),
    (
        "container",
        &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "{url}/container"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "MARKED-authorization"),
        ],
        "",
    ),
    (
        "container with a file",
        &[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "{url}/container"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "{home}/token"),
        ],
        "",
    ),
    ("instance", &[("AWS_EC2_METADATA_DISABLED", "false")], ""),
];
const KEYS: &str =
    "aws_access_key_id=AKIA\naws_secret_access_key=MARKED-secret-key\naws_session_token=MARKED-session-token\n";
const SSO: &str = "sso_session=s\nsso_account_id=1\nsso_role_name=r\n[sso-session s]\nsso_region=r\nsso_start_url=u\n";

/// Returns a home directory with all files that the sources read.
fn home(config: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let sso = |expires: &str| {
        format!(
            r#"{{"accessToken":"MARKED-access-token","expiresAt":"{expires}","refreshToken":"MARKED-refresh","clientId":"id","clientSecret":"MARKED-client-secret"}}"#
        )
    };
    put("token", "MARKED-token-in-file");
    put(
        "printed",
        r#"{"Version":1,"AccessKeyId":"AK","SecretAccessKey":"MARKED-secret-key","SessionToken":"MARKED-session-token"}"#,
    );
    // SHA-1 of `s` and `old`, SHA-256 of `l`.
    put(".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json", &sso("2999-01-01T00:00:00Z"));
    put(".aws/sso/cache/c00dbbc9dadfbe1e232e93a729dd4752fade0abf.json", &sso("2001-01-01T00:00:00Z"));
    put(
        ".aws/login/cache/acac86c0e609ca906f632b0e2dacccb2b77d22b0621f20ebece1a4835b93f6f0.json",
        r#"{"accessToken":{"accessKeyId":"AK","secretAccessKey":"MARKED-secret-key","sessionToken":"MARKED-session-token","expiresAt":"2999-01-01T00:00:00Z"},"clientId":"c","refreshToken":"MARKED-refresh","dpopKey":"MARKED-dpop"}"#,
    );
    put(".aws/config", &config.replace("{home}", home.path().to_str().unwrap()));
    home
}

/// Runs the command, whose first word is its name.
fn run(server: &Stub, (variables, config): (&[(&str, &str)], &str), attributes: &str, command: &[&str]) -> Run {
    let home = home(&format!("[default]\n{config}"));
    let restored = home.path().join("new");
    let directory = ["import", restored.to_str().unwrap(), "--cache-from"];
    let first = if command[0] == "import" { &directory[..] } else { &command[..1] };
    let place = |text: &str| text.replace("{url}", &server.url()).replace("{home}", home.path().to_str().unwrap());
    let output = Command::new(env!("CARGO_BIN_EXE_s3-build-cache"))
        .args(first)
        .arg(format!("type=s3,bucket=cache,region=eu-west-1,endpoint_url={}{attributes}", server.url()))
        .args(&command[1..])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(["SSO", "SSO_OIDC"].map(|service| (format!("AWS_ENDPOINT_URL_{service}"), server.url())))
        // Not the store's own endpoint, which would not be asked whom the keys belong to.
        .env("AWS_ENDPOINT_URL_STS", format!("{}/sts", server.url()))
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url())
        .envs(variables.iter().map(|(name, value)| (*name, place(value))))
        .output()
        .unwrap();
    Run::of(output)
}

#[test]
fn no_source_shows_a_secret_in_logs_progress_json_or_errors() {
    const ATTRIBUTES: &str =
        ",access_key_id=AKIA,secret_access_key=MARKED-secret-key,session_token=MARKED-session-token";
    let servers = [Stub::start(talkative), Stub::start(echo)];
    let commands: [&[&str]; 4] = [
        &["import", "-vv", "--progress=plain"],
        &["import", "-vv", "--json", "--progress=rawjson"],
        &["doctor", "-vv", "--write"],
        &["doctor", "-vv", "--json"],
    ];
    let by_attribute: Source = ("attributes", &[], "");
    for (index, server) in servers.iter().enumerate() {
        for (name, variables, config) in SOURCES.iter().chain([&by_attribute]) {
            let attributes = if *name == "attributes" { ATTRIBUTES } else { "" };
            for (at, command) in commands.iter().enumerate() {
                let role = if at % 2 == 0 { "" } else { ",role_arn=arn:top" };
                let run = run(server, (variables, config), &format!("{attributes}{role}"), command);
                let shown = format!("{}{}", run.stdout, run.stderr);
                assert!(!shown.contains("MARKED"), "{name}: {shown}");
                assert_eq!(run.status, 4, "{name}: {shown}");
                // With credentials, the store refuses, with a long message.
                let refused = (shown.contains("GetObject") || command[0] == "doctor") && shown.contains("not with ***");
                assert!(refused || index == 1 || *name == "failing process", "{name}: {shown}");
            }
        }
    }
}
