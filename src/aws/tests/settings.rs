use std::path::Path;

use super::World;
use crate::aws::{Setting, Settings, tests::in_order};
use crate::config::{CacheOptions, EndpointUrl, RetryMode};

#[test]
fn region_comes_from_the_first_origin_that_sets_it() {
    let config = "[default]\nregion=profile";
    let all = [("AWS_REGION", "first\n"), ("AWS_DEFAULT_REGION", "second")];
    for (variables, attribute, region, origin) in [
        (&all[..], "attr", "attr", "the attribute region"),
        (&all[..], "", "first", "AWS_REGION"),
        (&all[1..], "", "second", "AWS_DEFAULT_REGION"),
        (&[("AWS_REGION", "")][..], "", "profile", "region of profile default ("),
    ] {
        let world = World::new(variables).config(config);
        let found = world.attribute("region", attribute).settings().unwrap().region;
        assert_eq!(found.value, region);
        assert!(found.origin.starts_with(origin), "{}", found.origin);
    }
    in_order(&World::new(&[]).settings_error(), &["usage", "there is no region"]);
    for region in ["EU-WEST-1", "eu-west-1/x", "evil.com#", "é"] {
        in_order(&World::new(&[("AWS_REGION", region)]).settings_error(), &["setup", "AWS_REGION is not a region"]);
    }
    let endpoint = [("AWS_ENDPOINT_URL", "http://h")];
    assert_eq!(World::new(&endpoint).settings().unwrap().region.value, "us-east-1");
    let own = World::new(&endpoint).attribute("region", "Garage_1");
    assert_eq!(own.settings().unwrap().region.value, "Garage_1");
    let own = World::new(&endpoint).attribute("region", "a/b");
    in_order(&own.settings_error(), &["usage", "the attribute region"]);
}

#[test]
fn endpoint_precedence_follows_aws() {
    let both = "[default]\nregion=r\nendpoint_url=http://profile\nservices=s\n[services s]\nS3 =\n  Endpoint_URL = http://services\nsts =\n  endpoint_url=http://sts\n";
    let profile = "[default]\nregion=r\nendpoint_url=http://profile\nservices=unknown\n";
    let none = "[default]\nregion=r\n";
    let ignore = "[default]\nregion=r\nendpoint_url=http://profile\nignore_configured_endpoint_urls=TRUE\n";
    let (global, s3) = (("AWS_ENDPOINT_URL", "http://global"), ("AWS_ENDPOINT_URL_S3", "http://s3"));
    let (empty_global, empty_s3) = (("AWS_ENDPOINT_URL", ""), ("AWS_ENDPOINT_URL_S3", ""));
    let off = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True");
    let cases: [(_, &[_], _); 14] = [
        (none, &[], None),
        (none, &[global], Some("global")),
        (none, &[s3], Some("s3")),
        (both, &[global, s3], Some("s3")),
        (both, &[global], Some("global")),
        (both, &[global, empty_s3], Some("services")),
        (both, &[empty_global], Some("profile")),
        (both, &[empty_global, empty_s3], Some("services")),
        (both, &[], Some("services")),
        (profile, &[], Some("profile")),
        (profile, &[global, empty_s3], Some("global")),
        (both, &[off, global, s3], None),
        (ignore, &[global], None),
        (ignore, &[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false")], Some("profile")),
    ];
    for (config, variables, host) in cases {
        let found = World::new(variables).config(config).settings().unwrap().endpoint;
        let found = found.map(|endpoint| match endpoint.value {
            EndpointUrl::Http { host, .. } => host,
            EndpointUrl::File(_) => panic!("a directory"),
        });
        assert_eq!(found.as_deref(), host, "{config} {variables:?}");
    }
    let world = World::new(&[global, s3, off]).config(both);
    let world = world.attribute("endpoint_url", "http://attr");
    assert_eq!(world.settings().unwrap().endpoint.unwrap().origin, "the attribute endpoint_url");
    let origin = World::new(&[]).config(both).settings().unwrap().endpoint.unwrap().origin;
    in_order(&origin, &["endpoint_url of the services of profile default (", "/.aws/config:7)"]);
}

#[test]
fn a_rejected_endpoint_is_shown_without_its_query() {
    for tail in ["?token=MARKED", "#MARKED", "?MARKED#MARKED", "/?MARKED=a@b"] {
        let url = format!("http://h:1/base{tail}");
        let config =
            |key: &str| format!("[default]\nregion=r\n{key}={url}\nservices=s\n[services s]\ns3=\n  {key}={url}\n");
        for (world, place) in [
            (World::new(&[("AWS_ENDPOINT_URL", &url)]), "AWS_ENDPOINT_URL: "),
            (World::new(&[("AWS_ENDPOINT_URL_S3", &url)]), "AWS_ENDPOINT_URL_S3: "),
            (World::new(&[]).config(&config("endpoint_url")), "endpoint_url of the services"),
            (World::new(&[]).attribute("endpoint_url", &url), "endpoint_url"),
        ] {
            let error = world.settings_error();
            assert!(error.contains(place) && !error.contains("MARKED"), "{error}");
            let debug = format!("{:?}", world.options());
            assert!(!debug.contains("MARKED"), "{debug}");
        }
    }
}

#[test]
fn invalid_endpoint_error_names_its_origin() {
    let error = World::new(&[("AWS_ENDPOINT_URL_S3", "localhost:9000")]).settings_error();
    in_order(&error, &["setup", "AWS_ENDPOINT_URL_S3", "localhost:9000"]);
    let error = World::new(&[("AWS_ENDPOINT_URL", "file:///srv")]).settings_error();
    in_order(&error, &["setup", "AWS_ENDPOINT_URL is a file: URL"]);
    let error = World::new(&[]).config("[default]\nendpoint_url=https://u:MARKED@h").settings_error();
    in_order(&error, &["setup", "/.aws/config:2)"]);
    assert!(!error.contains("MARKED"));
    in_order(
        &World::new(&[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "1")]).settings_error(),
        &["setup", "URLS is not valid"],
    );
}

#[test]
fn directory_stores_read_no_other_settings() {
    let world = World::new(&[("AWS_CONFIG_FILE", "/"), ("AWS_PROFILE", "missing"), ("AWS_RETRY_MODE", "bad")]);
    let world = world.attributes(&[("endpoint_url", "file:///srv"), ("bucket", "bucket")]);
    match world.all_settings().unwrap() {
        Settings::Directory { dir, bucket } => assert_eq!((dir.as_path(), &*bucket), (Path::new("/srv"), "bucket")),
        Settings::S3(_) => panic!("not a directory"),
    }
}

#[test]
fn the_bucket_falls_back_to_its_variable() {
    let without = |variables: &[(&str, &str)]| World::new(variables).attributes(&[("bucket", ""), ("region", "r")]);
    assert_eq!(without(&[("AWS_BUCKET", "mine")]).settings().unwrap().bucket.name(), "mine");
    in_order(&without(&[("AWS_BUCKET", " ")]).settings_error(), &["usage", "there is no bucket"]);
    in_order(&without(&[("AWS_BUCKET", "a/b")]).settings_error(), &["setup", "AWS_BUCKET", "a/b"]);
}

#[test]
fn unsupported_kinds_of_buckets_are_rejected_from_every_origin() {
    for (bucket, parts) in [
        ("arn:aws:s3:::my-cache", &["is an ARN"][..]),
        ("arn:aws:s3:eu-west-1:111122223333:accesspoint/c_i", &["access point"]),
        ("arn:aws:s3::111122223333:accesspoint/ci.mrap", &["multi-Region access point"]),
        ("arn:aws:s3express:eu-west-1:1:bucket/ci-cache--euw1-az1--x-s3", &["directory bucket"]),
    ] {
        let world = World::new(&[("AWS_REGION", "eu-west-1")]);
        let attribute = world.attribute("bucket", bucket);
        in_order(&attribute.settings_error(), &[&["usage"], parts].concat());
        let world = World::new(&[("AWS_REGION", "eu-west-1"), ("AWS_BUCKET", bucket)]);
        let variable = world.attribute("bucket", "");
        in_order(&variable.settings_error(), &[&["setup", "AWS_BUCKET"], parts].concat());
    }
    for bucket in ["arn:aws:s3:eu-west-1:111122223333:accesspoint/ci", "ci-cache--euw1-az1--x-s3"] {
        let world = World::new(&[("AWS_REGION", "eu-west-1"), ("AWS_BUCKET", bucket)]).attribute("bucket", "");
        assert_eq!(world.settings().unwrap().bucket.name(), bucket);
    }
    let error = "type=s3,bucket=arn:aws:s3:eu-west-1:1:accesspoint/ci,use_path_style=true".parse::<CacheOptions>();
    in_order(&error.unwrap_err().to_string(), &["accesspoint/ci", "use_path_style=true", "cannot be combined"]);
}

#[test]
fn the_region_of_an_arn_may_be_switched_off_by_variable_and_profile() {
    let arn = "arn:aws:s3:eu-west-1:111122223333:accesspoint/ci";
    let world = |variables: &[(&str, &str)], region: &str| {
        World::new(variables).attributes(&[("bucket", arn), ("region", region)])
    };
    let top = "[default]\ns3_use_arn_region = false\n";
    let block = "[default]\ns3 =\n  use_arn_region = False\n";
    for config in [top, block] {
        let error = world(&[], "us-east-1").config(config).settings_error();
        in_order(&error, &["usage", arn, "us-east-1 (the attribute region)", "use_arn_region of", "profile default"]);
        assert!(world(&[], "eu-west-1").config(config).settings().is_ok());
        assert!(world(&[("AWS_S3_USE_ARN_REGION", "true")], "us-east-1").config(config).settings().is_ok());
    }
    assert!(world(&[], "us-east-1").settings().is_ok());
    let error = world(&[("AWS_S3_USE_ARN_REGION", "False")], "us-east-1").settings_error();
    in_order(&error, &["usage", arn, "AWS_S3_USE_ARN_REGION is false"]);
    let error = world(&[("AWS_S3_USE_ARN_REGION", "no")], "us-east-1").settings_error();
    in_order(&error, &["setup", "AWS_S3_USE_ARN_REGION", "is not valid"]);
}

#[test]
fn endpoint_that_contains_the_bucket_names_both_settings() {
    let space = "https://my-space.fra1.digitaloceanspaces.com";
    let named = |world: World| world.attribute("bucket", "my-space");
    let world = named(World::new(&[])).attribute("endpoint_url", space);
    in_order(&world.settings_error(), &["usage", "the attribute endpoint_url", space, "the attribute bucket"]);
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
        let world = named(World::new(&[(name, space)]));
        in_order(&world.settings_error(), &["setup", name, space, "my-space", "the attribute bucket"]);
    }
    let config = "[default]\nendpoint_url=https://acct.r2.cloudflarestorage.com/my-space\n";
    let world = named(World::new(&[]).config(config));
    in_order(&world.settings_error(), &["setup", "endpoint_url of profile default", "/my-space", "my-space"]);
    let world = World::new(&[("AWS_BUCKET", "my-space"), ("AWS_ENDPOINT_URL", space)]);
    let world = world.attribute("bucket", "");
    in_order(&world.settings_error(), &["setup", "AWS_ENDPOINT_URL", "AWS_BUCKET adds again"]);
    // A self-hosted server may have the same name as its bucket.
    for url in ["https://my-space.example.com", "http://127.0.0.1:9000/my-space"] {
        assert!(named(World::new(&[("AWS_ENDPOINT_URL", url)])).settings().is_ok(), "{url}");
    }
}

#[test]
fn retry_settings_from_attribute_variable_and_profile() {
    let config = "[default]\nregion=r\nretry_mode=adaptive\nmax_attempts=0x10\n";
    let settings = World::new(&[]).config(config).settings().unwrap();
    assert_eq!((settings.retry_mode, settings.max_attempts), (RetryMode::Adaptive, 16));
    let variables = [("AWS_RETRY_MODE", "standard"), ("AWS_MAX_ATTEMPTS", "7")];
    let settings = World::new(&variables).config(config).settings().unwrap();
    assert_eq!((settings.retry_mode, settings.max_attempts), (RetryMode::Standard, 7));
    let world = World::new(&variables).config(config).attribute("retry_max_attempts", "1");
    let settings = world.settings().unwrap();
    assert_eq!((settings.max_attempts, settings.service_attempts), (1, 7));
    assert_eq!(World::new(&[("AWS_MAX_ATTEMPTS", "0")]).config(config).settings().unwrap().max_attempts, 16);
    let settings = World::new(&[("AWS_REGION", "r")]).settings().unwrap();
    assert_eq!((settings.retry_mode, settings.max_attempts), (RetryMode::Standard, 3));
    for (name, value) in [("AWS_RETRY_MODE", "legacy"), ("AWS_RETRY_MODE", "Standard"), ("AWS_MAX_ATTEMPTS", "x")] {
        in_order(&World::new(&[("AWS_REGION", "r"), (name, value)]).settings_error(), &["setup", name, value]);
    }
    for line in ["retry_mode=legacy", "max_attempts=many"] {
        let error = World::new(&[]).config(&format!("[default]\nregion=r\n{line}")).settings_error();
        in_order(&error, &["setup", "of profile default (", "/.aws/config:3)"]);
    }
}

#[test]
fn acceleration_is_enabled_by_the_attribute_or_the_profile() {
    let block = "[default]\nregion=eu-west-1\ns3 =\n  USE_Accelerate_Endpoint = True\n";
    let off = "[default]\nregion=eu-west-1\ns3 =\n  use_accelerate_endpoint = yes\n";
    let other = "[default]\ns3 =\n  use_accelerate_endpoint = false\n";
    for (config, credentials, attribute, on) in [
        (block, "", None, true),
        (block, "", Some("false"), false),
        (off, "", None, false),
        (off, "", Some("true"), true),
        // Outside the block, it is a different setting.
        ("[default]\nregion=r\nuse_accelerate_endpoint=true", "", None, false),
        (block, other, None, false),
        (block, "[default]\nregion=eu-west-1", None, true),
        (off, "[default]\ns3=\n use_accelerate_endpoint:true", None, true),
        (off, "[profile default]\ns3=\n use_accelerate_endpoint:true", None, false),
    ] {
        let world = World::new(&[]).config(config).credentials(credentials);
        let attribute: Vec<_> = attribute.iter().map(|on| ("use_accelerate_endpoint", *on)).collect();
        let settings = world.attributes(&attribute).settings().unwrap();
        assert_eq!(settings.accelerate, on, "{config} {credentials} {attribute:?}");
    }
    let dualstack = World::new(&[("AWS_USE_DUALSTACK_ENDPOINT", "true")]).config(block).settings().unwrap();
    assert!(dualstack.accelerate && dualstack.dualstack);
}

#[test]
fn acceleration_conflicts_with_settings_that_select_another_host() {
    let config = "[default]\nregion=eu-west-1\ns3 =\n  use_accelerate_endpoint = true\n";
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)], &'a str);
    let cases: [Case<'_>; 8] = [
        (&[("AWS_ENDPOINT_URL", "http://h")], &[], "AWS_ENDPOINT_URL"),
        (&[], &[("endpoint_url", "https://h")], "the attribute endpoint_url"),
        (&[("AWS_USE_FIPS_ENDPOINT", "true")], &[], "AWS_USE_FIPS_ENDPOINT"),
        (&[], &[("use_path_style", "true")], "the attribute use_path_style"),
        (&[("AWS_REGION", "cn-north-1")], &[], "region cn-north-1 (AWS_REGION)"),
        (&[("AWS_REGION", "us-gov-west-1")], &[], "region us-gov-west-1"),
        (&[], &[("bucket", "a.b.c")], "the bucket name a.b.c"),
        (&[], &[("bucket", "Upper_Case")], "the bucket name Upper_Case"),
    ];
    for (variables, attributes, other) in cases {
        let world = World::new(variables).config(config).attributes(attributes);
        let place = "use_accelerate_endpoint of s3 of profile default (";
        in_order(&world.settings_error(), &["setup", place, "/.aws/config:4)", other, "cannot be combined"]);
        let world = world.attribute("use_accelerate_endpoint", "true");
        in_order(&world.settings_error(), &["usage", "the attribute use_accelerate_endpoint", other]);
        let world = world.attribute("use_accelerate_endpoint", "false");
        assert!(!world.settings().unwrap().accelerate);
    }
    let directory = "type=s3,bucket=abc,endpoint_url=file:///srv,use_accelerate_endpoint=1".parse::<CacheOptions>();
    in_order(&directory.unwrap_err().to_string(), &["use_accelerate_endpoint", "file:// stores"]);
}

#[test]
fn payload_signing_comes_from_the_attribute_or_the_profiles_s3_block() {
    let on = "[default]\nregion=r\ns3 =\n  payload_signing_enabled = True\n";
    let off = "[default]\nregion=r\ns3 =\n  payload_signing_enabled = false\n";
    for (config, attribute, signs) in [
        (off, None, false),
        (on, None, true),
        (on, Some("auto"), false),
        (on, Some("false"), false),
        (off, Some("true"), true),
        ("[default]\nregion=r\npayload_signing_enabled=true\n", None, false),
    ] {
        let attribute: Vec<_> = attribute.iter().map(|value| ("payload_signing", *value)).collect();
        let settings = World::new(&[]).config(config).attributes(&attribute).settings().unwrap();
        assert_eq!(settings.payload_signing, signs, "{config} {attribute:?}");
    }
}

#[test]
fn ca_bundle_fips_and_dualstack() {
    let config = "[default]\nregion=r\nca_bundle=/profile.pem\nuse_fips_endpoint=True\nuse_dualstack_endpoint=yes\n";
    let settings = World::new(&[("SSL_CERT_FILE", "/ssl.pem")]).config(config).settings().unwrap();
    assert_eq!(settings.ca_bundle.unwrap().value, Path::new("/profile.pem"));
    assert_eq!((settings.fips, settings.dualstack), (true, false));
    let variables =
        [("AWS_CA_BUNDLE", "/env.pem"), ("AWS_USE_FIPS_ENDPOINT", "FALSE"), ("AWS_USE_DUALSTACK_ENDPOINT", "true")];
    let settings = World::new(&variables).config(config).settings().unwrap();
    assert_eq!(settings.ca_bundle, Some(Setting::new("/env.pem".into(), "AWS_CA_BUNDLE")));
    assert_eq!((settings.fips, settings.dualstack), (false, true));
    let settings = World::new(&[("SSL_CERT_FILE", "/ssl.pem"), ("AWS_REGION", "r")]).settings().unwrap();
    assert_eq!(settings.ca_bundle.unwrap().origin, "SSL_CERT_FILE");

    in_order(&World::new(&[("AWS_USE_FIPS_ENDPOINT", "1")]).settings_error(), &["setup", "AWS_USE_FIPS_ENDPOINT"]);
    let both = World::new(&[("AWS_USE_DUALSTACK_ENDPOINT", "true"), ("AWS_ENDPOINT_URL", "http://h")]);
    in_order(&both.settings_error(), &["setup", "AWS_USE_DUALSTACK_ENDPOINT and AWS_ENDPOINT_URL cannot be combined"]);
    // The error concerns the command line.
    let attribute = World::new(&[("AWS_USE_FIPS_ENDPOINT", "true")]);
    let attribute = attribute.attribute("endpoint_url", "http://h");
    in_order(&attribute.settings_error(), &["usage", "AWS_USE_FIPS_ENDPOINT and the attribute endpoint_url cannot be"]);
}

#[test]
fn names_that_are_not_aws_regions_need_an_endpoint() {
    for (region, why) in
        [("auto", "auto, which AWS does not have"), ("eu-west-1a", "an availability zone, not a region")]
    {
        in_order(&World::new(&[("AWS_REGION", region)]).settings_error(), &["setup", "AWS_REGION is", why]);
        let world = World::new(&[]).attribute("region", region);
        in_order(&world.settings_error(), &["usage", "the attribute region is", why]);
        let hint = world.settings().unwrap_err().hint().unwrap().to_owned();
        assert!(hint.contains("endpoint_url") || hint == "set region=eu-west-1", "{hint}");
        let world = World::new(&[("AWS_REGION", region), ("AWS_ENDPOINT_URL", "http://h")]);
        assert_eq!(world.settings().unwrap().region.value, region);
    }
}

#[test]
fn access_point_alias_rejects_path_style_on_aws() {
    let alias = &[("bucket", "ci-abc-s3alias"), ("use_path_style", "true")];
    let world = World::new(&[("AWS_REGION", "eu-west-1")]).attributes(alias);
    in_order(
        &world.settings_error(),
        &["usage", "the attribute bucket (ci-abc-s3alias) and use_path_style=true cannot"],
    );
    assert!(World::new(&[("AWS_ENDPOINT_URL", "http://h")]).attributes(alias).settings().is_ok());
}

#[test]
fn attributes_do_not_hide_invalid_variables() {
    for (name, value) in
        [("AWS_RETRY_MODE", "legacy"), ("AWS_MAX_ATTEMPTS", "x"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "1")]
    {
        let world = World::new(&[(name, value), ("AWS_REGION", "r")]).attributes(&[
            ("retry_mode", "standard"),
            ("retry_max_attempts", "2"),
            ("endpoint_url", "http://h"),
        ]);
        in_order(&world.settings_error(), &["setup", name]);
    }
}

#[test]
fn fips_pseudo_regions_enable_fips() {
    for (region, found, fips) in [
        ("fips-us-east-1", "us-east-1", true),
        ("us-gov-west-1-fips", "us-gov-west-1", true),
        ("us-east-1", "us-east-1", false),
    ] {
        let settings = World::new(&[("AWS_REGION", region)]).settings().unwrap();
        assert_eq!((settings.region.value.as_str(), settings.fips), (found, fips));
    }
}
