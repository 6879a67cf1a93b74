//! The endpoint of every kind of bucket by AWS's rules, which `doctor` reports without a network.

use std::collections::BTreeMap;

use s3_build_cache::doctor::{Check, CheckOutcome};
use s3_build_cache::env::MapEnv;
use s3_build_cache::{ErrorKind, S3Cache};
use serde_json::Value;

use super::checks;

/// AWS's published cases. Each has settings, and the URL, service and region that they lead to, or that they are refused.
const CASES: &str = include_str!("../fixtures/s3-endpoints.jsonl");
/// No one listens there, so that nothing is looked up or sent.
const NOWHERE: &str = "http://127.0.0.1:1";

/// Returns the checks of a cache whose attributes and variables these are. Nothing is reachable.
fn offline(attributes: &str, variables: &[(&str, &str)]) -> Vec<Check> {
    let options = format!("type=s3,{attributes}").parse().unwrap();
    let nothing = [("HTTPS_PROXY", NOWHERE), ("HTTP_PROXY", NOWHERE), ("AWS_EC2_METADATA_DISABLED", "true")];
    let env = MapEnv::new(nothing.iter().chain(variables).map(|(name, value)| (name.to_string(), value.to_string())));
    checks(S3Cache::builder(&options).env(env))
}

fn facts(checks: &[Check]) -> BTreeMap<&str, &str> {
    checks.iter().flat_map(|check| &check.facts).map(|(name, value)| (*name, value.as_str())).collect()
}

/// Returns why the endpoint was refused, before anything else was checked.
fn refusal(attributes: &str, variables: &[(&str, &str)]) -> String {
    // The attributes alone may be enough to tell.
    if let Err(error) = format!("type=s3,{attributes}").parse::<s3_build_cache::CacheOptions>() {
        assert_eq!(error.kind(), ErrorKind::Usage, "{attributes}: {error}");
        return format!("{error} | {}", error.hint().unwrap());
    }
    let checks = offline(attributes, variables);
    let CheckOutcome::Failed(error) = &checks[0].outcome else { panic!("{attributes}: {checks:#?}") };
    assert_eq!((checks[0].name, error.kind()), ("options", ErrorKind::Usage), "{attributes}: {error}");
    assert!(facts(&checks).is_empty());
    format!("{error} | {}", error.hint().unwrap())
}

#[test]
fn every_case_that_aws_publishes_has_its_endpoint_or_is_refused() {
    let mut wrong = Vec::new();
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| case[name].as_str();
        let mut attributes = format!("bucket={},region={}", text("bucket").unwrap(), text("region").unwrap());
        attributes.extend(text("endpoint_url").map(|url| format!(",endpoint_url={url}")));
        for (name, attribute) in [("path_style", "use_path_style"), ("accelerate", "use_accelerate_endpoint")] {
            attributes.extend((case[name] == true).then(|| format!(",{attribute}=true")));
        }
        let flags = [("fips", "AWS_USE_FIPS_ENDPOINT"), ("dualstack", "AWS_USE_DUALSTACK_ENDPOINT")];
        let variables: Vec<_> =
            flags.into_iter().filter(|(name, _)| case[*name] == true).map(|(_, variable)| (variable, "true")).collect();
        if case["refused"] == true {
            refusal(&attributes, &variables);
            continue;
        }
        let checks = offline(&attributes, &variables);
        let facts = facts(&checks);
        let found = ["endpoint", "signing_service", "signing_region"].map(|name| facts.get(name).copied());
        let (url, auth) = (text("url"), &case["auth"]);
        if found != [url, auth["service"].as_str(), auth["region"].as_str()] {
            wrong.push(format!("{line}: {found:?}"));
        }
    }
    assert_eq!(CASES.lines().count(), 104);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_kind_of_the_bucket_and_its_zone_are_reported() {
    for (attributes, kind, zone, parts) in [
        ("bucket=ci-cache,region=eu-west-1", "general-purpose", None, "(AWS's own) · virtual-hosted style"),
        (
            "bucket=ci-cache-abc-s3alias,region=eu-west-1",
            "access-point",
            None,
            "access point · signed for s3 in eu-west-1",
        ),
        (
            "bucket=arn:aws:s3:us-west-2:111122223333:accesspoint/ci,region=eu-west-1",
            "access-point",
            None,
            "https://ci-111122223333.s3-accesspoint.us-west-2.amazonaws.com/ (AWS's own)",
        ),
        (
            "bucket=ci--use1-az4--x-s3,region=us-east-1",
            "directory",
            Some("use1-az4"),
            "directory in zone use1-az4 · signed for s3express in us-east-1",
        ),
        (
            "bucket=ci--use1-az4--xa-s3,region=us-east-1",
            "directory-access-point",
            Some("use1-az4"),
            "directory access point in zone use1-az4",
        ),
    ] {
        let checks = offline(attributes, &[]);
        let facts = facts(&checks);
        assert_eq!((facts["bucket_type"], facts.get("zone").copied()), (kind, zone), "{attributes}");
        let endpoint = super::find(&checks, "endpoint");
        assert!(endpoint.detail.contains(parts), "{}", endpoint.detail);
    }
}

#[test]
fn refused_endpoints_name_the_reason_and_the_fix() {
    let arn = "bucket=arn:aws:s3:us-west-2:111122223333:accesspoint/ci,region";
    let fips = &[("AWS_USE_FIPS_ENDPOINT", "true")][..];
    let own_region = &[("AWS_S3_USE_ARN_REGION", "false")][..];
    for (attributes, variables, parts) in [
        ("bucket=ci-cache,region=cn-north-1", fips, &["cn-north-1 has no FIPS", "unset AWS_USE_FIPS_ENDPOINT"][..]),
        ("bucket=ci-cache,region=fips-cn-north-1", &[], &["cn-north-1 has no FIPS"]),
        ("bucket=ci-cache,region=a_b,endpoint_url=http://s3.example.com", &[], &["a_b is not a region"]),
        (&format!("{arn}=cn-north-1"), &[], &["in partition aws", "set region=us-west-2"]),
        (&format!("{arn}=us-west-2,use_path_style=true"), &[], &["no path style", "remove use_path_style"]),
        (&format!("{arn}=us-west-2,use_accelerate_endpoint=true"), &[], &["the access point arn:", "remove one"]),
        (&format!("{arn}=eu-west-1"), own_region, &["not in region eu-west-1", "set region=us-west-2"]),
        ("bucket=ci--usaz1--x-s3,region=us-east-1", &[], &["not the name of one", "BASE--ZONE--x-s3"]),
        ("bucket=c.i--use1-az4--xa-s3,region=us-east-1", &[], &["not the name of one", "BASE--ZONE--xa-s3"]),
        (
            "bucket=ci--use1-az4--x-s3,region=us-east-1,use_accelerate_endpoint=true",
            &[],
            &["the directory bucket ci--use1-az4--x-s3"],
        ),
    ] {
        let told = refusal(attributes, variables);
        assert!(parts.iter().all(|part| told.contains(part)), "{attributes}: {told}");
    }
}

/// Both flags are read as AWS's SDKs read them.
#[test]
fn the_region_of_an_arn_is_used_unless_that_is_switched_off() {
    let attributes = "bucket=arn:aws:s3:us-west-2:111122223333:accesspoint/ci,region=us-west-2";
    for value in ["true", "false"] {
        let checks = offline(attributes, &[("AWS_S3_USE_ARN_REGION", value)]);
        assert_eq!(facts(&checks)["signing_region"], "us-west-2");
    }
    let checks = offline(&attributes.replace("region=us-west-2", "region=eu-west-1"), &[]);
    assert_eq!(facts(&checks)["signing_region"], "us-west-2");
}
