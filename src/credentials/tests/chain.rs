use super::*;
use crate::config::AccessKeys;

#[test]
fn attributes_go_before_everything_and_take_no_token_from_elsewhere() {
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
fn half_a_pair_of_attributes_is_an_error_even_here() {
    let world = World::new(&ENV_KEYS).attribute("access_key_id", "AKATTR");
    in_order(&world.error(), &["usage", "secret_access_key"]);
}

#[test]
fn environment_goes_before_the_profile_that_a_variable_names() {
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
fn old_names_stand_in_and_white_space_around_goes() {
    let world =
        World::new(&[("AWS_ACCESS_KEY", " AKOLD\n"), ("AWS_SECRET_KEY", "MARKED\r\n"), ("AWS_ACCESS_KEY_ID", " ")]);
    assert_eq!(world.keys().unwrap(), ("AKOLD".to_owned(), "MARKED".to_owned(), String::new()));
}

#[test]
fn what_cannot_be_a_key_is_refused_without_showing_it() {
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
fn half_a_pair_in_the_environment_is_passed_over_and_named_in_the_end() {
    let world = World::new(&[("AWS_ACCESS_KEY_ID", "AK")]);
    in_order(&world.error(), &["access", "AWS_ACCESS_KEY_ID is set", "AWS_SECRET_ACCESS_KEY is not"]);
    let world = World::new(&[("AWS_SECRET_ACCESS_KEY", "MARKED")]);
    in_order(&world.error(), &["AWS_SECRET_ACCESS_KEY is set", "AWS_ACCESS_KEY_ID is not"]);
    assert_eq!(world.credentials(&format!("[default]\n{KEYS}")).id(), "AKPROFILE");
}

#[test]
fn nothing_at_all_says_where_it_looked() {
    let error = World::new(&[]).error();
    in_order(
        &error,
        &["access", "access_key_id", "AWS_ACCESS_KEY_ID", "profile default", "/.aws/credentials (not there)"],
    );
    in_order(&error, &["169.254.169.254", "AWS_EC2_METADATA_DISABLED", "AWS_ACCESS_KEY_ID and", "anonymous=true"]);
    let named = World::new(&ENV_KEYS).config("[profile ci]\nregion=r\n");
    in_order(&named.attribute("profile", "ci").error(), &["not asked", "profile ci"]);
}

#[test]
fn anonymous_means_no_credentials() {
    let world = World::new(&ENV_KEYS).attribute("anonymous", "true");
    assert!(world.provider().unwrap().is_none());
}
