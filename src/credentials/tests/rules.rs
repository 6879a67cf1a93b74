//! The Go SDK's rules, one per row: variables, config file, credentials file, and the resulting key or the error and
//! its kind: `setup` while loading, `access` when the first request is signed.

use super::Find as _;
use crate::aws::tests::{World, in_order};

type Rule<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a str);

const ENV: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKENV"), ("AWS_SECRET_ACCESS_KEY", "MARKED")];
const DEFAULT: &str = "[default]\naws_access_key_id=AKDEFAULT\naws_secret_access_key=MARKED\n";
const CI: &str = "[ci]\naws_access_key_id=AKCI\naws_secret_access_key=MARKED\n";

fn outcome(variables: &[(&str, &str)], config: &str, credentials: &str) -> String {
    let world = World::new(variables).config(config).credentials(credentials).with("AWS_BUCKET", "b");
    let world = world.attribute("region", "eu-west-1");
    match world.settings().and_then(|_| world.keys()) {
        Ok((id, ..)) => id,
        Err(error) => format!("{}: {} ({})", error.kind().as_str(), error.chain(), error.hint().unwrap_or_default()),
    }
}

#[track_caller]
fn check(rules: &[Rule<'_>]) {
    let wrong: Vec<String> = rules
        .iter()
        .filter_map(|(variables, config, credentials, expected)| {
            let found = outcome(variables, config, credentials);
            let holds =
                expected.split('…').all(|part| found.contains(part)) && found.starts_with(expected.split('…').next()?);
            (!holds).then(|| format!("{variables:?} {config:?} {credentials:?}: {found}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `docker run --env-file` passes quotes on.
#[test]
fn quotes_around_a_value_are_reported() {
    let (id, secret) = (("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "MARKED"));
    let setup = "setup: …quotes around it…remove the quotes: `docker run --env-file`";
    for quoted in ["\"AKIA\"", "'AKIA'", "\"AKIA", "AKIA'", "\u{201c}AKIA\u{201d}"] {
        check(&[(
            &[("AWS_ACCESS_KEY_ID", quoted), secret],
            "",
            "",
            "setup: …access key id from the environment…quote",
        )]);
    }
    for quoted in ["\"MARKED\"", "'MARKED'", "\u{201c}MARKED\u{201d}"] {
        check(&[
            (
                &[id, ("AWS_SECRET_ACCESS_KEY", quoted)],
                "",
                "",
                &setup.replace("…quotes", "…(AWS_SECRET_ACCESS_KEY) has quotes"),
            ),
            (
                &[id, secret, ("AWS_SESSION_TOKEN", quoted)],
                "",
                "",
                &setup.replace("…quotes", "…(AWS_SESSION_TOKEN) has quotes"),
            ),
        ]);
    }
    let twice = "[default]\naws_access_key_id=AKIA\naws_secret_access_key=\"'MARKED'\"\n";
    check(&[
        (&[], "", twice, "setup: …profile default in …has quotes around it (remove the quotes)"),
        // A single quote may be part of another store's key.
        (&[id, ("AWS_SECRET_ACCESS_KEY", "\"MARKED")], "", "", "AKIA"),
        (&[id, secret, ("AWS_ENDPOINT_URL", "\"http://h\"")], "", "", "setup: AWS_ENDPOINT_URL has quotes around it"),
        (
            &[id, secret, ("AWS_USE_FIPS_ENDPOINT", "\"true\"")],
            "",
            "",
            "setup: AWS_USE_FIPS_ENDPOINT…remove the quotes: `docker",
        ),
        (&[id, secret, ("AWS_PROFILE", "\"ci\"")], "", CI, "setup: …no profile \"ci\"…remove the quotes: `docker"),
    ]);
    for name in [
        "AWS_CA_BUNDLE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_CONFIG_FILE",
        "SSL_CERT_FILE",
        "AWS_EC2_METADATA_DISABLED",
    ] {
        let named = format!("setup: {name} has quotes around it…`docker run --env-file`");
        check(&[(&[id, secret, (name, "\"true\"")], "", "", &named), (&[(name, "'true'")], "", DEFAULT, &named)]);
    }
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::1:role/x");
    for variables in [
        [("AWS_WEB_IDENTITY_TOKEN_FILE", "\"/t\""), role],
        [("AWS_ROLE_ARN", "'arn:aws:iam::1:role/x'"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")],
        [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "\"http://127.0.0.1/x\""), role],
        [("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "'/x'"), role],
    ] {
        let named = format!("setup: {} has quotes around it…`docker run --env-file`", variables[0].0);
        check(&[(&variables, "", "", &named), (&[&variables[..], &[id, secret]].concat(), "", "", "AKIA")]);
    }
    let file = "[default]\naws_access_key_id=\"AKIA\naws_secret_access_key=MARKED\n";
    check(&[(&[], "", file, "setup: …profile default in …has quotes around it (remove the quotes)")]);
    let world = World::new(&[id, secret, ("AWS_REGION", "\"eu-west-1\""), ("AWS_ENDPOINT_URL", "http://h")]);
    let error = world.settings().unwrap_err();
    in_order(&format!("{error} {:?}", error.hint()), &["AWS_REGION is not a region", "remove the quotes"]);
    let world = World::new(&[]).attributes(&[("access_key_id", "'AKIA'"), ("secret_access_key", "MARKED")]);
    in_order(&world.error(), &["usage", "attributes access_key_id", "has quotes around it"]);
}

/// Every variable other than the keys. `setup` rows fail even though the environment has keys.
#[test]
fn invalid_settings_fail_even_if_the_environment_has_keys() {
    let [id, secret] = ENV;
    for (name, bad, good) in [
        ("AWS_MAX_ATTEMPTS", "three", &["", "0", "-1", "7", "99999999999"][..]),
        ("AWS_RETRY_MODE", "legacy", &["", "standard", "adaptive"]),
        ("AWS_RETRY_MODE", "Standard", &[]),
        ("AWS_USE_FIPS_ENDPOINT", "1", &["", "TRUE", "False"]),
        ("AWS_USE_DUALSTACK_ENDPOINT", "yes", &["", "True", "false"]),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "0", &["", "true", "FALSE"]),
        ("AWS_EC2_METADATA_V1_DISABLED", "on", &["", "true"]),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5", &["", " ipv6\t", "IPV4"]),
    ] {
        check(&[(&[id, secret, (name, bad)], "", "", &format!("setup: …{name}"))]);
        for good in good {
            check(&[(&[id, secret, (name, good)], "", "", "AKENV")]);
        }
    }
    // Variables that are parsed leniently, not at all, or only when their source is queried.
    for (name, value) in [
        ("AWS_EC2_METADATA_DISABLED", "1"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "no url"),
        ("AWS_DEFAULTS_MODE", "none"),
        ("AWS_REQUEST_CHECKSUM_CALCULATION", "none"),
        ("AWS_SECURITY_TOKEN", "MARKED"),
        ("AWS_CREDENTIAL_EXPIRATION", "2001-01-01T00:00:00Z"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere"),
        ("AWS_ROLE_ARN", "arn"),
        ("AWS_DEFAULT_PROFILE", "absent"),
        ("AWS_PROFILE", ""),
    ] {
        check(&[(&[id, secret, (name, value)], "", "", "AKENV")]);
    }
    let half = "[default]\naws_access_key_id=AK\n";
    check(&[
        (&[id, secret, ("AWS_PROFILE", "absent")], "", "", "setup: …no profile absent"),
        (&[id, secret, ("AWS_PROFILE", " ci")], "", CI, "setup: …no profile"),
        (&[id, secret, ("AWS_PROFILE", "default")], "", "", "setup: …no profile default"),
        (&[id, secret], half, "", "setup: …without aws_secret_access_key"),
        (&[id, secret], "", half, "setup: …without aws_secret_access_key"),
        (&[id, secret, ("AWS_PROFILE", "ci")], half, CI, "AKENV"),
        (&[id, secret], "[default]\nretry_mode=legacy", "", "setup: …retry_mode of profile default"),
        (&[id, secret], "[default]\nmax_attempts=x", "", "setup: …max_attempts of profile default"),
        (&[id, secret], "[default]\nmax_attempts=-0x2", "", "AKENV"),
        (&[id, secret], "[other]\nretry_mode=legacy\n[profile o]\nmax_attempts=x", "", "AKENV"),
        (&[id, secret], "[default]\nec2_metadata_service_endpoint_mode=x", "", "setup: …endpoint_mode of profile"),
        (&[id, secret], "[default]\nec2_metadata_service_endpoint=no url", "", "AKENV"),
        (&[id, secret], "[default]\nuse_fips_endpoint=1\nec2_metadata_v1_disabled=x\n", "", "AKENV"),
        (&[id, secret], "[default]\nsso_session=s", "", "setup: …[sso-session s]"),
        (&[id, secret], "[default]\nsso_session=s", "[sso-session s]\nsso_region=r", "AKENV"),
        (&[id, secret], "[default]\nsso_region=r", "", "AKENV"),
        (&[id, secret], "[default]\nrole_arn=r\nmfa_serial=m\nsource_profile=ci", CI, "AKENV"),
        (&[id, secret], "[default]\nrole_arn=r\ncredential_source=Nowhere", "", "AKENV"),
        (&[id, secret], "[default]\nservices=absent", "", "AKENV"),
        (&[id, secret, ("AWS_CONFIG_FILE", "/tmp")], "", "", "setup: …/tmp…AWS_CONFIG_FILE"),
        (&[id, secret, ("AWS_SHARED_CREDENTIALS_FILE", "/tmp")], "", "", "setup: …/tmp…is a directory"),
        (&[id, secret, ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")], "", DEFAULT, "AKENV"),
    ]);
}

#[test]
fn keys_are_found_by_the_go_sdk_rules() {
    let [id, secret] = ENV;
    let default_twice = format!("{DEFAULT}[profile default]\nregion=r\n");
    let with = |line: &str| format!("{DEFAULT}{line}\n");
    check(&[
        (&[], "", DEFAULT, "AKDEFAULT"),
        (&[], DEFAULT, "", "AKDEFAULT"),
        (&[], &DEFAULT.replace("[default]", "  [default] ; here"), "", "AKDEFAULT"),
        (&[], &DEFAULT.replace("aws_", "  AWS_"), "", "AKDEFAULT"),
        (&[], &DEFAULT.replace('=', " : "), "", "AKDEFAULT"),
        (&[], &DEFAULT.replace("AKDEFAULT", "\"AKDEFAULT\" # mine"), "", "AKDEFAULT"),
        (&[], &DEFAULT.replace('\n', "\r\n"), "", "AKDEFAULT"),
        (&[], &DEFAULT.replace('\n', "\r"), "", "access: there are no credentials"),
        (&[], &format!("\u{feff}{DEFAULT}"), "", "AKDEFAULT"),
        (&[], &DEFAULT.replace("[default]", "[DEFAULT]"), "", "access: there are no credentials"),
        (&[], "", &DEFAULT.replace("[default]", "[profile default]"), "access: there are no credentials"),
        (&[], &default_twice, "", "access: there are no credentials"),
        (&[], &DEFAULT.replace("[default]", "[profile default]"), "", "AKDEFAULT"),
        (&[], &with("aws_access_key_id=AKLAST"), "", "AKLAST"),
        (&[], &with("[other]\n[default]\naws_access_key_id=AKLAST"), "", "AKLAST"),
        (&[], &with("junk"), "", "AKDEFAULT"),
        (&[("AWS_PROFILE", "ci")], "", CI, "AKCI"),
        (&[("AWS_PROFILE", "ci")], CI, "", "setup: …no profile ci"),
        (&[("AWS_PROFILE", "ci")], &CI.replace("[ci]", "[profile ci]"), "", "AKCI"),
        (&[("AWS_PROFILE", "ci")], &CI.replace("[ci]", "[ profile\t ci ]"), "", "AKCI"),
        (&[("AWS_PROFILE", "ci")], &CI.replace("[ci]", "[profile \"ci\"]"), "", "AKCI"),
        (&[("AWS_PROFILE", "CI")], "", CI, "setup: …no profile CI"),
        (&[("AWS_DEFAULT_PROFILE", "ci")], DEFAULT, CI, "AKCI"),
        (&[("AWS_DEFAULT_PROFILE", "ci"), ("AWS_PROFILE", "default")], DEFAULT, CI, "AKDEFAULT"),
        (&[("AWS_DEFAULT_PROFILE", "absent")], DEFAULT, "", "access: there are no credentials"),
        (&[("AWS_PROFILE", "ci"), id, secret], DEFAULT, CI, "AKENV"),
        (&[id], DEFAULT, "", "AKDEFAULT"),
        (&[secret], DEFAULT, "", "AKDEFAULT"),
        (&[id], "", "", "access: …AWS_ACCESS_KEY_ID is set…set AWS_SECRET_ACCESS_KEY too"),
        (&[id, ("AWS_SECRET_KEY", "MARKED")], DEFAULT, "", "AKENV"),
        (&[("AWS_ACCESS_KEY", "AKOLD"), id, secret], DEFAULT, "", "AKENV"),
        (&[("AWS_ACCESS_KEY", "AKOLD"), ("AWS_ACCESS_KEY_ID", ""), secret], DEFAULT, "", "AKOLD"),
        (&[id, ("AWS_SECRET_ACCESS_KEY", "")], DEFAULT, "", "AKDEFAULT"),
        (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), id, secret], "", "", "AKENV"),
        (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t")], DEFAULT, "", "setup: …AWS_ROLE_ARN"),
        (&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "a")], DEFAULT, "", "access: …/t cannot be read"),
        (&[("AWS_ROLE_ARN", "a"), ("AWS_ROLE_SESSION_NAME", "n")], DEFAULT, "", "AKDEFAULT"),
        (&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/")], DEFAULT, "", "AKDEFAULT"),
        (&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/")], "", "", "setup: …192.0.2.1"),
        (&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/x")], "", "", "setup: …AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        (&[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "x")], "", "", "setup: …AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        (&[], "[default]\ncredential_process=", DEFAULT, "AKDEFAULT"),
        (&[], "[default]\ncredential_process=exit 127", "", "access: …exit status: 127"),
        (&[], "[default]\ncredential_process=exit 1", DEFAULT, "AKDEFAULT"),
        (&[], "", "", "access: …AWS_EC2_METADATA_DISABLED"),
        (&[("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")], "", DEFAULT, "access: there are no credentials"),
        (&[("AWS_CONFIG_FILE", "relative/nowhere")], DEFAULT, "", "access: there are no credentials"),
        (
            &[],
            "[default]\ncredential_process=echo '{\"Version\":1,\"AccessKeyId\":\"AKP\",\"SecretAccessKey\":\"MARKED\"}'",
            "",
            "AKP",
        ),
        (&[], "[default]\naws_access_key_id=AK\naws_secret_access_key=\n", "", "access: there are no credentials"),
    ]);
}

/// A section that exists only in the credentials file works like one in the config file. If both files have it, it is
/// merged key by key.
#[test]
fn referenced_sections_may_be_in_either_file() {
    let profile = "[default]\nregion=r\nservices=s\nsso_session=s\nsso_account_id=1\nsso_role_name=r\n";
    let services = "[services s]\ns3 =\n  endpoint_url = http://services\n";
    let session = "[sso-session s]\nsso_region=eu-west-1\nsso_start_url=https://start\n";
    let world = World::new(&[]).config(profile).credentials(&format!("{services}{session}"));
    in_order(&world.error(), &["access", "SSO login", "aws sso login --sso-session 's'"]);
    assert!(world.settings().unwrap().endpoint.is_some());
    // Each file has part of the session. For services, the config file's section applies.
    let world = World::new(&[])
        .config(&format!("{profile}[sso-session s]\nsso_region=wrong\n[services s]\n"))
        .credentials(&format!("{services}{session}"));
    in_order(&world.error(), &["access", "SSO login"]);
    assert!(world.settings().unwrap().endpoint.is_none());
}
