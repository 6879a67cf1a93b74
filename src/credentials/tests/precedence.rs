use super::{Find as _, Server};
use crate::aws::tests::{World, in_order};

/// A source, in the order of the chain: variables, lines of the profile `default`, the resulting key, and which of the
/// server's services is queried. `{url}` is the server, `{token}` a token file, `{home}` the home directory.
pub(super) struct Row {
    name: &'static str,
    variables: &'static [(&'static str, &'static str)],
    lines: &'static str,
    key: &'static str,
    asks: &'static [&'static str],
}

const ROLE: &str = "role_arn=arn:aws:iam::1:role/r\n";

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "environment",
        variables: &[("AWS_ACCESS_KEY_ID", "AKENV"), ("AWS_SECRET_ACCESS_KEY", "MARKED")],
        lines: "",
        key: "AKENV",
        asks: &[],
    },
    Row {
        name: "web identity",
        variables: &[("AWS_WEB_IDENTITY_TOKEN_FILE", "{token}"), ("AWS_ROLE_ARN", "arn")],
        lines: "",
        key: "AKWEB",
        asks: &["AssumeRoleWithWebIdentity"],
    },
    Row {
        name: "source_profile",
        variables: &[],
        lines: "role_arn=arn:aws:iam::1:role/r\nsource_profile=other\n",
        key: "AKOTHER",
        asks: &[],
    },
    Row {
        name: "keys",
        variables: &[],
        lines: "aws_access_key_id=AKPROFILE\naws_secret_access_key=MARKED\n",
        key: "AKPROFILE",
        asks: &[],
    },
    Row {
        name: "credential_source",
        variables: &[("AWS_EC2_METADATA_DISABLED", "false")],
        lines: "role_arn=arn:aws:iam::1:role/r\ncredential_source=Ec2InstanceMetadata\n",
        key: "AKIMDS",
        asks: &["PUT /latest/api/token", IMDS_LIST, IMDS_ROLE],
    },
    Row {
        name: "web_identity_token_file",
        variables: &[],
        lines: "role_arn=arn:aws:iam::1:role/r\nweb_identity_token_file={token}\n",
        key: "AKWEB",
        asks: &["AssumeRoleWithWebIdentity"],
    },
    Row {
        name: "SSO",
        variables: &[],
        lines: "sso_session=s\nsso_account_id=1\nsso_role_name=r\n",
        key: "AKSSO",
        asks: &["GET /federation/credentials?account_id=1&role_name=r"],
    },
    Row { name: "login", variables: &[], lines: "login_session=l\n", key: "AKLOGIN", asks: &[] },
    Row {
        name: "process",
        variables: &[],
        lines: "credential_process=echo '{\"Version\":1,\"AccessKeyId\":\"AKPROCESS\",\"SecretAccessKey\":\"MARKED\"}'\n",
        key: "AKPROCESS",
        asks: &[],
    },
    Row {
        name: "container",
        variables: &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "{url}/container?x=1")],
        lines: "",
        key: "AKCONTAINER",
        asks: &["GET /container?x=1"],
    },
    Row {
        name: "instance",
        variables: &[("AWS_EC2_METADATA_DISABLED", "1")],
        lines: "",
        key: "AKIMDS",
        asks: &["PUT /latest/api/token", IMDS_LIST, IMDS_ROLE],
    },
];

const IMDS_LIST: &str = "GET /latest/meta-data/iam/security-credentials/";
const IMDS_ROLE: &str = "GET /latest/meta-data/iam/security-credentials/the-role";

const OTHER: &str = "[profile other]\naws_access_key_id=AKOTHER\naws_secret_access_key=MARKED\n\
    [sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://start\n";
/// The file names are the SHA-1 of `s` and the SHA-256 of `l`.
const SSO_FILE: &str = ".aws/sso/cache/a0f1490a20d0211c997b44bc357e1972deab8ae3.json";
const LOGIN_FILE: &str = ".aws/login/cache/acac86c0e609ca906f632b0e2dacccb2b77d22b0621f20ebece1a4835b93f6f0.json";

pub(super) fn sso_file(expires: &str) -> String {
    format!(
        r#"{{"accessToken":"MARKED-access","expiresAt":"{expires}","refreshToken":"MARKED-refresh","clientId":"id","clientSecret":"MARKED-client","startUrl":"kept"}}"#
    )
}

/// Returns a world for each source.
pub(in crate::credentials) fn sources(server: &Server) -> Vec<World> {
    ROWS.iter().map(|row| world(server, &[row]).with("AWS_REGION", "r")).collect()
}

pub(super) fn world(server: &Server, rows: &[&Row]) -> World {
    let mut world = World::new(&[]).at(server);
    let token = world.put("token", "MARKED-web\n");
    world.put(SSO_FILE, &sso_file("2030-01-01T02:00:00Z"));
    world.put(
        LOGIN_FILE,
        r#"{"accessToken":{"accessKeyId":"AKLOGIN","secretAccessKey":"MARKED-l","sessionToken":"MARKED-lt","accountId":"1","expiresAt":"2030-01-01T00:10:00Z"},"clientId":"c","refreshToken":"MARKED-lr","dpopKey":"MARKED-ld"}"#,
    );
    let mut config = "[default]\n".to_owned();
    for row in rows {
        for (name, value) in row.variables {
            world = world.with(name, &value.replace("{url}", &server.url()).replace("{token}", &token));
        }
        config.push_str(&row.lines.replace("{token}", &token));
    }
    world.config(&format!("{config}{OTHER}"))
}

fn is_environment(row: &Row) -> bool {
    matches!(row.name, "environment" | "web identity")
}

/// Returns the key that results from combining the rows, of which the first must win.
fn outcome(rows: &[&Row]) -> String {
    let first = rows[0];
    let role = rows.iter().any(|row| row.lines.contains(ROLE));
    if role && !is_environment(first) && first.key != "AKWEB" {
        format!("ROLE-{}", first.key)
    } else {
        first.key.to_owned()
    }
}

#[test]
fn each_source_queries_only_its_own_service() {
    for row in ROWS {
        let server = Server::cloud();
        let world = world(&server, &[row]);
        assert_eq!(world.id(), outcome(&[row]), "{}", row.name);
        let mut asks: Vec<&str> = row.asks.to_vec();
        if outcome(&[row]).starts_with("ROLE") {
            asks.push("AssumeRole");
        }
        assert_eq!(server.kinds(), asks, "{}", row.name);
    }
}

#[test]
fn first_of_two_sources_is_used_and_the_other_not_queried() {
    const ONE_OF: &[&str] = &["source_profile", "credential_source", "web_identity_token_file", "process"];
    for (index, first) in ROWS.iter().enumerate() {
        for second in &ROWS[index + 1..] {
            let names = format!("{} and {}", first.name, second.name);
            let server = Server::cloud();
            let world = world(&server, &[first, second]);
            if ONE_OF.contains(&first.name) && ONE_OF.contains(&second.name) {
                in_order(&world.error(), &["setup", "contradict each other"]);
                continue;
            }
            assert_eq!(world.id(), outcome(&[first, second]), "{names}");
            for ask in second.asks.iter().filter(|ask| !first.asks.contains(ask)) {
                assert!(!server.kinds().contains(&(*ask).to_owned()), "{names}");
            }
        }
    }
}

#[test]
fn sources_are_queried_once_and_only_on_first_use() {
    let server = Server::cloud();
    let world = world(&server, &[&ROWS[10]]);
    let provider = world.provider().unwrap().unwrap();
    assert!(provider.origin().contains("the instance's role"));
    assert!(server.kinds().is_empty());
    for _ in 0..3 {
        assert_eq!(provider.credentials().unwrap().access_key_id, "AKIMDS");
    }
    assert_eq!(server.kinds().len(), 3);
}

#[test]
fn profile_from_the_attribute_precedes_the_environment() {
    let server = Server::cloud();
    for (row, key) in [(&ROWS[3], "AKPROFILE"), (&ROWS[6], "AKSSO"), (&ROWS[9], "AKCONTAINER")] {
        let world = world(&server, &[&ROWS[0], &ROWS[1], row]);
        assert_eq!(world.attribute("profile", "default").id(), key);
    }
}

#[test]
fn failed_source_is_not_skipped() {
    let server = Server::start(|_| (403, String::new(), String::new()));
    for row in ROWS.iter().filter(|row| !row.asks.is_empty()) {
        let world = world(&server, &[row, &ROWS[9], &ROWS[10]]);
        in_order(&world.error(), &["access", "there are no credentials from", "403"]);
    }
}
