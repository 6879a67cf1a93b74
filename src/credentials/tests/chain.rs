use super::{ENV_KEYS, Find as _, KEYS};
use crate::aws::tests::{World, in_order};
use crate::config::AccessKeys;
use crate::credentials::provider;

#[test]
fn attributes_precede_all_sources_and_use_no_other_token() {
    let world = World::new(&ENV_KEYS).credentials(&format!("[default]\n{KEYS}")).attribute("profile", "default");
    let mut options = world.options().unwrap().to_builder();
    options.credentials.keys = Some(AccessKeys::new("AKATTR", "MARKED-a\n"));
    let options = options.build().unwrap();
    let provider = provider(options.credentials(), &world.env(), &world.profile().unwrap(), &world.context());
    let provider = provider.unwrap().unwrap();
    assert_eq!(provider.origin(), "the attributes access_key_id and secret_access_key");
    let keys = provider.credentials().unwrap();
    assert_eq!((keys.access_key_id.as_str(), keys.secret_access_key.expose()), ("AKATTR", "MARKED-a"));
    assert!(keys.session_token.is_none());
    let shown = format!("{options:?} {keys:?}");
    assert!(!shown.contains("MARKED") && !shown.contains("AKATTR"), "{shown}");
}

#[test]
fn half_a_key_pair_in_the_attributes_is_an_error() {
    let world = World::new(&ENV_KEYS).attribute("access_key_id", "AKATTR");
    in_order(&world.error(), &["usage", "secret_access_key"]);
}

#[test]
fn environment_keys_precede_a_profile_from_a_variable() {
    let files = format!("[ci]\n{KEYS}");
    let mut variables = ENV_KEYS.to_vec();
    variables.push(("AWS_PROFILE", "ci"));
    variables.push(("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"));
    let world = World::new(&variables).credentials(&files);
    assert_eq!(world.keys().unwrap(), ("AKENV".to_owned(), "MARKED-e".to_owned(), "MARKED-et".to_owned()));
    assert_eq!(world.provider().unwrap().unwrap().origin(), "the environment (AWS_ACCESS_KEY_ID)");

    let world = world.attribute("profile", "ci");
    assert_eq!(world.keys().unwrap(), ("AKPROFILE".to_owned(), "MARKED-p".to_owned(), "MARKED-pt".to_owned()));
    in_order(&world.provider().unwrap().unwrap().origin(), &["profile ci in ", "/.aws/credentials"]);
}

#[test]
fn legacy_names_are_accepted_and_white_space_is_trimmed() {
    let world =
        World::new(&[("AWS_ACCESS_KEY", " AKOLD\n"), ("AWS_SECRET_KEY", "MARKED\r\n"), ("AWS_ACCESS_KEY_ID", " ")]);
    assert_eq!(world.keys().unwrap(), ("AKOLD".to_owned(), "MARKED".to_owned(), String::new()));
}

#[test]
fn invalid_keys_are_rejected_without_being_shown() {
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "MARKED ID"),
        ("AWS_SECRET_ACCESS_KEY", "MARKED\nX"),
        ("AWS_SESSION_TOKEN", "MARKED\r\nHost: x"),
        ("AWS_SESSION_TOKEN", "MARKEDü"),
    ] {
        let mut variables = ENV_KEYS.to_vec();
        variables.retain(|(other, _)| *other != name);
        variables.push((name, value));
        in_order(&World::new(&variables).error(), &["setup", &format!("the environment ({name})")]);
    }
    let wrapped = "[default]\naws_access_key_id=A\naws_secret_access_key=MARKED\n  MARKED\n";
    in_order(&World::new(&[]).credentials(wrapped).error(), &["setup", "secret access key", "profile default"]);
}

#[test]
fn half_a_key_pair_in_the_environment_is_skipped_and_reported() {
    let world = World::new(&[("AWS_ACCESS_KEY_ID", "AK")]);
    in_order(&world.error(), &["access", "AWS_ACCESS_KEY_ID is set", "AWS_SECRET_ACCESS_KEY is not"]);
    let world = World::new(&[("AWS_SECRET_ACCESS_KEY", "MARKED")]);
    in_order(&world.error(), &["AWS_SECRET_ACCESS_KEY is set", "AWS_ACCESS_KEY_ID is not"]);
    assert_eq!(world.credentials(&format!("[default]\n{KEYS}")).id(), "AKPROFILE");
}

#[test]
fn missing_credentials_error_lists_the_sources_tried() {
    let error = World::new(&[]).error();
    in_order(
        &error,
        &["access", "access_key_id", "AWS_ACCESS_KEY_ID", "profile default", "/.aws/credentials (not found)"],
    );
    in_order(&error, &["169.254.169.254", "AWS_EC2_METADATA_DISABLED", "AWS_ACCESS_KEY_ID and", "anonymous=true"]);
    let named = World::new(&ENV_KEYS).config("[profile ci]\nregion=r\n");
    in_order(&named.attribute("profile", "ci").error(), &["skipped", "profile ci"]);
}

#[test]
fn anonymous_means_no_credentials() {
    let world = World::new(&ENV_KEYS).attribute("anonymous", "true");
    assert!(world.provider().unwrap().is_none());
}

#[test]
fn a_rejected_endpoint_of_a_source_is_shown_without_its_query() {
    for tail in ["?token=MARKED", "#MARKED", "?MARKED#MARKED", "/?MARKED=a@b"] {
        let url = format!("http://h:1/base{tail}");
        let sts = World::new(&ENV_KEYS).with("AWS_ENDPOINT_URL_STS", &url);
        let metadata = World::new(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url), ("AWS_EC2_METADATA_DISABLED", "no")]);
        let (full, relative) = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        for (world, place) in [
            (sts.attribute("role_arn", "arn:r"), "AWS_ENDPOINT_URL_STS"),
            (metadata, "AWS_EC2_METADATA_SERVICE_ENDPOINT"),
            (World::new(&[(full, &format!("ftp://h{tail}"))]), full),
            (World::new(&[(full, &url)]), full),
            (World::new(&[(relative, &format!("h{tail}"))]), relative),
        ] {
            let error = world.error();
            assert!(error.contains(place) && !error.contains("MARKED"), "{error}");
        }
    }
}
