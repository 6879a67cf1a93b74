use super::{ENV_KEYS, Find as _, KEYS, Server};
use crate::aws::Profile;
use crate::aws::tests::{World, in_order, logs};
use crate::base::MapEnv;
use crate::config::CredentialOptions;
use crate::credentials::provider;

#[test]
fn explicitly_selected_profile_must_exist() {
    let config = "[profile a]\nregion=r\n[bare]\nregion=r\n[default]\n[sso-session s]\n";
    let asked: Vec<_> = ENV_KEYS.into_iter().chain([("AWS_PROFILE", "ci")]).collect();
    let world = World::new(&asked).config(config).credentials("[c]\n[profile wrong]\n");
    let error = world.error();
    in_order(
        &error,
        &[
            "setup",
            "no profile ci",
            "AWS_PROFILE",
            "/.aws/credentials",
            "/.aws/config",
            "(the available profiles are a, c, default)",
        ],
    );
    let world = World::new(&[("AWS_PROFILE", "bare")]).config(config);
    in_order(&world.error(), &["[bare]", "[profile bare]"]);
    let world = World::new(&[("AWS_PROFILE", "wrong")]).credentials("[profile wrong]\n");
    in_order(&world.error(), &["[profile wrong]", "[wrong]"]);
    in_order(&World::new(&[("AWS_PROFILE", "default")]).error(), &["setup", "no profile default"]);
    let world = World::new(&ENV_KEYS).attribute("profile", "x");
    in_order(&world.error(), &["usage", "no profile x", "the attribute profile"]);

    let asked: Vec<_> = ENV_KEYS.into_iter().chain([("AWS_DEFAULT_PROFILE", "ci")]).collect();
    assert_eq!(World::new(&asked).id(), "AKENV");
    let world = World::new(&[("AWS_DEFAULT_PROFILE", "ci"), ("AWS_PROFILE", "")]);
    assert_eq!(world.credentials(&format!("[ci]\n{KEYS}")).id(), "AKPROFILE");
}

#[test]
fn keys_are_read_as_a_pair() {
    const ID: &str = "aws_access_key_id=";
    const SECRET: &str = "aws_secret_access_key=MARKED";
    let (full, other) = (format!("{ID}CONFIG\n{SECRET}\naws_session_token=MARKED-old"), format!("{ID}CREDS\n{SECRET}"));
    let id = format!("{ID}X");
    let no_credentials = "there are no credentials";
    let half = "without aws_";
    for (config, credentials, outcome) in [
        (None, Some(id.as_str()), half),
        (Some(id.as_str()), None, half),
        (None, Some(SECRET), half),
        (Some(&id), Some(&other), "CREDS"),
        (Some(&full), Some(&id), half),
        (Some(&id), Some("region=r"), no_credentials),
        (Some(&id), Some(SECRET), half),
        (Some(&full), Some("region=r"), "CONFIG"),
        (Some(&full), Some("aws_session_token=MARKED"), "CONFIG"),
        (Some(&full), Some(&other), "CREDS"),
        (Some(&full), None, "CONFIG"),
        (Some(&format!("{id}\naws_secret_access_key=")), None, no_credentials),
        (Some(&full), Some(&format!("{id}\naws_secret_access_key=")), no_credentials),
    ] {
        let mut world = World::new(&[]);
        if let Some(text) = config {
            world = world.config(&format!("[default]\n{text}\n"));
        }
        if let Some(text) = credentials {
            world = world.credentials(&format!("[default]\n{text}\n"));
        }
        let found = world.keys().map_or_else(|error| error.to_string(), |keys| keys.0);
        assert!(found.contains(outcome), "{config:?} {credentials:?}: {found}");
    }
    // The old token is not combined with the new keys.
    let world = World::new(&[]).config(&format!("[default]\n{full}")).credentials(&format!("[default]\n{other}"));
    assert_eq!(world.keys().unwrap().2, "");
    // Half a key pair is an error regardless of other sources, and the error names the file and line.
    let world = World::new(&ENV_KEYS).credentials(&format!("[default]\n\n{id}"));
    in_order(
        &world.error(),
        &["setup", "profile default", "aws_access_key_id (", "credentials:3)", "aws_secret_access_key"],
    );
    // In another profile, it has no effect.
    assert_eq!(World::new(&ENV_KEYS).credentials(&format!("[other]\n{id}")).id(), "AKENV");
}

#[test]
fn files_may_be_moved_missing_or_unusable() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("creds");
    std::fs::write(&path, format!("\u{feff}[default]\r\n{}", KEYS.replace('\n', "\r\n"))).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(World::new(&[("AWS_SHARED_CREDENTIALS_FILE", path)]).id(), "AKPROFILE");
    assert_eq!(World::new(&[("AWS_CONFIG_FILE", path)]).id(), "AKPROFILE");
    // The variable replaces the default path, even if the file it names is missing.
    let world = World::new(&[("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")]).credentials(&format!("[default]\n{KEYS}"));
    in_order(&world.error(), &["access", "/nowhere (not found)"]);
    let world = World::new(&[("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")]);
    in_order(&world.error(), &["access", "/dev/null and "]);
    let dir = place.path().to_str().unwrap();
    let world = World::new(&[("AWS_CONFIG_FILE", dir)]);
    in_order(&world.error(), &["setup", dir, "is a directory", "AWS_CONFIG_FILE"]);
    let world = World::new(&[("AWS_CONFIG_FILE", "/dev/zero")]);
    in_order(&world.error(), &["setup", "/dev/zero", "larger than"]);
    let (options, env) = (CredentialOptions::default(), MapEnv::new([("AWS_EC2_METADATA_DISABLED", "true")]));
    let provider = provider(&options, &env, &Profile::load(None, &env).unwrap(), &World::new(&[]).context());
    let error = provider.unwrap().unwrap().credentials().unwrap_err();
    in_order(&error.to_string(), &["there is no home directory"]);
}

#[test]
fn pipe_without_a_writer_is_rejected_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if made.is_ok_and(|status| status.success()) {
        let world = World::new(&[("AWS_CONFIG_FILE", pipe.to_str().unwrap())]);
        in_order(&world.error(), &["setup", "pipe"]);
    }
}

/// The report has the file, line, reason and fix, but never a value.
#[test]
fn unusable_file_is_reported_with_its_line() {
    let keys = "aws_access_key_id=AKPROFILE\naws_secret_access_key=MARKED\n";
    let export = "[default]\nexport AWS_ACCESS_KEY_ID=MARKED\nexport AWS_SECRET_ACCESS_KEY=MARKED\n";
    let none = "access: there are no credentials";
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a [&'a str]);
    let cases: [Case<'_>; 15] = [
        (
            &[],
            "",
            keys,
            &[none, "credentials, line 1: the line is before the first [section]", "write [default] above it"],
        ),
        (&[], keys, "", &[none, "config, line 1: the line is before the first", "write [default]"]),
        (
            &[],
            "",
            "[default] -- x\nregion=r",
            &[none, "credentials, line 1: the line has something after the [heading]"],
        ),
        (&[], "", export, &[none, "credentials, line 2: the line sets no known key; write aws_access_key_id = …"]),
        (
            &[],
            "",
            "[profile default]\nregion=r",
            &[none, "credentials, line 1: [profile default]", "there it must be [default]"],
        ),
        (&[], "[ci]\nregion=r", "", &[none, "config, line 1: [ci]", "there it must be [profile ci]"]),
        (&[], "", "# c\n", &[none, "credentials, line 1: the file has only comments"]),
        (&[], "", "", &[none, "/.aws/credentials (empty) and "]),
        (&[], "", "[ci]\nregion=r", &[none, "the available profiles are ci", "set AWS_PROFILE"]),
        (
            &[("AWS_PROFILE", "ci")],
            "",
            "[sso-session x]\nsso_region=r\n[services y]\n",
            &["setup: there is no profile ci", "these files have no profiles"],
        ),
        (
            &[],
            "",
            "{\"AccessKeyId\": \"MARKED\"}",
            &[none, "credentials, line 1: the file is JSON", "write its keys as lines [default]"],
        ),
        (
            &[("AWS_PROFILE", "ci")],
            "",
            keys,
            &["setup: there is no profile ci", "credentials, line 1: ", "write [ci] above"],
        ),
        (
            &[("AWS_PROFILE", "ci")],
            "[ci ci]\n",
            "[ci\n",
            &["setup: there is no profile ci", "credentials, line 1: the line is a [heading]"],
        ),
        (
            &[],
            "",
            "[default]\naws_access_key_id=A\naws_secret_key=MARKED\n",
            &[
                "setup: profile default has aws_access_key_id",
                "credentials, line 3: ",
                "write aws_secret_access_key = …",
            ],
        ),
        (
            &[],
            "[default]\nrole_arn=arn:r\nsource_profile=base\n",
            "[base]\naws_access_key = MARKED\n",
            &["setup: profile base has no credentials", "credentials, line 2: ", "write aws_access_key_id = …"],
        ),
    ];
    for (variables, config, credentials, expected) in cases {
        let error = World::new(variables).config(config).credentials(credentials).error();
        in_order(&error, expected);
        assert!(!error.contains("MARKED"), "{error}");
    }
    let world = World::new(&[]).put_bytes(".aws/config", &b"\xff\xfe[\0d\0e\0f\0a\0u\0l\0t\0]\0\n\0"[..]);
    in_order(&world.error(), &[none, "config, line 1: the file is UTF-16", "save it as UTF-8"]);
    let error = world.settings().unwrap_err();
    in_order(error.hint().unwrap(), &["region=NAME", "config, line 1: the file is UTF-16", "save it as UTF-8"]);
}

#[test]
fn unusable_file_is_a_warning_if_another_source_provides_credentials() {
    let server = Server::start(|_| {
        (200, String::new(), r#"{"AccessKeyId":"AK","SecretAccessKey":"MARKED","Expiration":null}"#.to_owned())
    });
    let world = World::new(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &server.url())]).credentials("[default\n");
    assert_eq!(world.id(), "AK");
    let warning = format!(
        "WARN: {}/.aws/credentials, line 1: the line is a [heading] without a closing ]",
        world.home.path().display()
    );
    assert!(logs().text().contains(&warning));
    // Keys in the environment take precedence, whatever the files contain.
    let world = World::new(&ENV_KEYS).credentials("[default\n");
    assert_eq!(world.id(), "AKENV");
    let path = world.home.path().display().to_string();
    assert!(!logs().text().lines().any(|line| line.contains(&path) && line.starts_with("WARN")));
}
