use super::{World, in_order};

#[test]
fn headings_of_the_config_file() {
    for (config, name, region) in [
        ("[default]\nregion=bare\n[profile default]\nca_bundle=x", "default", None),
        ("[profile default]\nregion=full\n[default]\nregion=bare", "default", Some("full")),
        ("[default]\nregion=bare", "default", Some("bare")),
        ("[DEFAULT]\nregion=upper", "DEFAULT", Some("upper")),
        ("[profile \"a b\"]\nregion=quoted", "a b", Some("quoted")),
        ("[profile 'x']\nregion=quoted\n[profile x]\nregion=exact", "x", Some("exact")),
        ("[profile \"x\"]\nregion=literal", "\"x\"", Some("literal")),
    ] {
        let profile = World::new(&[("AWS_PROFILE", name)]).config(config).profile().unwrap();
        assert_eq!(profile.get("region"), region, "{config}");
        assert_eq!(profile.name(), name);
    }
    let upper = World::new(&[]).config("[DEFAULT]\nregion=upper").profile().unwrap();
    assert_eq!(upper.get("region"), None);
    let nested = World::new(&[("AWS_PROFILE", "profile x")]).credentials("[profile x]\nregion=r");
    assert!(nested.profile().is_err());
}

#[test]
fn credentials_file_overrides_allowed_settings_key_by_key() {
    let world = World::new(&[])
        .config("[default]\nregion=config\nendpoint_url=http://config\nretry_mode=adaptive\nca_bundle=x")
        .credentials("[default]\nregion=credentials\nendpoint_url=http://credentials\nservices=s\nca_bundle=");
    let profile = world.profile().unwrap();
    assert_eq!(profile.get("region"), Some("credentials"));
    assert_eq!(profile.get("endpoint_url"), Some("http://config"));
    assert_eq!(profile.get("retry_mode"), Some("adaptive"));
    assert_eq!(profile.get("services"), None);
    assert_eq!(profile.get("ca_bundle"), None);
    in_order(&profile.setting("region").unwrap().origin, &["region of profile default (", "/.aws/credentials:2)"]);
    let alone = World::new(&[]).credentials("[default]\nendpoint_url=http://credentials").profile().unwrap();
    assert_eq!(alone.get("endpoint_url"), Some("http://credentials"));
    assert_eq!(
        World::new(&[])
            .credentials("[default]\naws_access_key_id=AK\naws_secret_access_key=MARKED\n")
            .profile()
            .unwrap()
            .get("aws_secret_access_key"),
        None
    );
}
