//! The endpoints of AWS's rules, of other servers, of other regions, and of redirects.

use super::*;
use crate::base::Error;
use crate::config::EndpointUrl;

fn endpoint(bucket: &str, region: &str, custom: &str, path_style: bool) -> Endpoint {
    any(bucket, region, custom, if path_style { "p" } else { "" }).unwrap()
}

/// Returns the endpoint with these flags: `a`ccelerate, `d`ual-stack, `f`ips, `p`ath style.
fn any(bucket: &str, region: &str, custom: &str, flags: &str) -> Result<Endpoint> {
    let custom = (!custom.is_empty()).then(|| EndpointUrl::parse(custom, "endpoint_url").unwrap());
    Endpoint::new(&EndpointChoice {
        bucket: &bucket.parse().unwrap(),
        region,
        custom: custom.as_ref(),
        path_style: flags.contains('p'),
        fips: flags.contains('f'),
        dualstack: flags.contains('d'),
        accelerate: flags.contains('a'),
        sessions: true,
    })
}

/// Rows of AWS's endpoint rules, as its SDKs resolve them.
#[test]
fn buckets_are_where_the_sdks_look_for_them() {
    for (bucket, region, custom, path_style, url, signed) in [
        ("buck", "us-east-1", "", false, "https://buck.s3.us-east-1.amazonaws.com/k", "us-east-1"),
        ("buck", "us-west-2", "", true, "https://s3.us-west-2.amazonaws.com/buck/k", "us-west-2"),
        ("buck", "cn-north-1", "", false, "https://buck.s3.cn-north-1.amazonaws.com.cn/k", "cn-north-1"),
        ("buck", "us-gov-west-1", "", false, "https://buck.s3.us-gov-west-1.amazonaws.com/k", "us-gov-west-1"),
        ("buck", "eusc-de-east-1", "", false, "https://buck.s3.eusc-de-east-1.amazonaws.eu/k", "eusc-de-east-1"),
        ("buck", "us-iso-east-1", "", false, "https://buck.s3.us-iso-east-1.c2s.ic.gov/k", "us-iso-east-1"),
        ("buck", "us-isob-east-1", "", false, "https://buck.s3.us-isob-east-1.sc2s.sgov.gov/k", "us-isob-east-1"),
        ("buck", "aws-global", "", false, "https://buck.s3.amazonaws.com/k", "us-east-1"),
        ("a.b.c", "us-west-2", "", false, "https://s3.us-west-2.amazonaws.com/a.b.c/k", "us-west-2"),
        ("Upper_Case", "us-west-2", "", false, "https://s3.us-west-2.amazonaws.com/Upper_Case/k", "us-west-2"),
        ("buck", "us-east-1", "http://127.0.0.1:9000", false, "http://127.0.0.1:9000/buck/k", "us-east-1"),
        ("buck", "garage", "http://[::1]:9000", false, "http://[::1]:9000/buck/k", "garage"),
        ("buck", "us-east-1", "http://localhost:9000", false, "http://buck.localhost:9000/k", "us-east-1"),
        ("buck", "us-east-1", "https://s3.example.com/base/", true, "https://s3.example.com/base/buck/k", "us-east-1"),
        ("buck", "us-east-1", "https://s3.example.com/base", false, "https://buck.s3.example.com/base/k", "us-east-1"),
        ("a.b", "us-east-1", "https://s3.example.com", false, "https://s3.example.com/a.b/k", "us-east-1"),
        ("a.b", "us-east-1", "http://s3.example.com", false, "http://a.b.s3.example.com/k", "us-east-1"),
        ("buck", "auto", "https://acct.r2.example.com", true, "https://acct.r2.example.com/buck/k", "auto"),
    ] {
        let endpoint = endpoint(bucket, region, custom, path_style);
        assert_eq!(format!("{}{}", endpoint.url(), endpoint.object_path("k")), url);
        assert_eq!(endpoint.region, signed);
    }
}

#[test]
fn keys_are_encoded_once_and_not_normalised() {
    let endpoint = endpoint("buck", "us-east-1", "http://127.0.0.1", false);
    assert_eq!(endpoint.object_path("a//b/../ü +:~"), "/buck/a//b/../%C3%BC%20%2B%3A~");
    assert_eq!(endpoint.bucket_path(), "/buck");
}

#[test]
fn fips_and_dual_stack_have_hosts_of_their_own() {
    assert_eq!(any("buck", "us-east-1", "", "fd").unwrap().host, "buck.s3-fips.dualstack.us-east-1.amazonaws.com");
}

#[test]
fn acceleration_has_one_host_for_all_regions_and_signs_for_the_buckets() {
    let of = |region, dualstack| any("buck", region, "", if dualstack { "ad" } else { "a" }).unwrap();
    let near = of("eu-west-1", false);
    assert_eq!((near.host.as_str(), near.region.as_str()), ("buck.s3-accelerate.amazonaws.com", "eu-west-1"));
    assert_eq!(near.object_path("k"), "/k");
    assert_eq!(of("eu-west-1", true).host, "buck.s3-accelerate.dualstack.amazonaws.com");
    assert_eq!(of("aws-global", false).host, "buck.s3-accelerate.amazonaws.com");
    // The bucket turns out to be in another region: same host, different signature, but never another partition.
    let far = near.in_region("ap-south-1").unwrap();
    assert_eq!((far.host.as_str(), far.region.as_str()), ("buck.s3-accelerate.amazonaws.com", "ap-south-1"));
    assert_eq!(near.in_region("cn-north-1"), None);
    // The host of a region answers for a new bucket.
    let direct = near.redirected("https://buck.s3.eu-west-1.amazonaws.com/a", "/a").unwrap();
    assert_eq!((direct.host.as_str(), direct.region.as_str()), ("buck.s3.eu-west-1.amazonaws.com", "eu-west-1"));
    let back = of("eu-west-1", true).redirected("https://buck.s3-accelerate.amazonaws.com/a", "/a").unwrap();
    assert_eq!(back.host, "buck.s3-accelerate.amazonaws.com");
    assert_eq!(near.redirected("https://buck.evil-accelerate.amazonaws.com/a", "/a"), None);
}

#[test]
fn another_region_is_another_host_on_aws_only() {
    let aws = endpoint("buck", "us-east-1", "", false).in_region("eu-west-1").unwrap();
    assert_eq!(aws, endpoint("buck", "eu-west-1", "", false));
    let path_style = endpoint("buck", "us-east-1", "", true).in_region("cn-north-1").unwrap();
    assert_eq!(path_style.host, "s3.cn-north-1.amazonaws.com.cn");
    let custom = endpoint("buck", "us-east-1", "https://s3.us-east-1.amazonaws.com", false);
    let moved = custom.in_region("eu-west-1").unwrap();
    assert_eq!((moved.host.as_str(), moved.region.as_str()), ("buck.s3.us-east-1.amazonaws.com", "eu-west-1"));
    for region in ["", "evil.example.com/", "eu west", "EU", "x#", &"x".repeat(65)] {
        assert_eq!(aws.in_region(region), None, "{region}");
    }
    assert_eq!(custom.in_region("a/b"), None);
    assert!(custom.in_region("Zone_1").is_some());
}

#[test]
fn redirects_stay_within_the_service() {
    let aws = endpoint("buck", "us-west-2", "", false);
    let own = endpoint("buck", "x", "https://s3.example.com:9000", false);
    let ip = endpoint("buck", "x", "http://127.0.0.1:9000", false);
    let v6 = endpoint("buck", "x", "http://[::1]:9000", false);
    for (endpoint, location, host) in [
        (&aws, "https://buck.s3-us-west-2.amazonaws.com/a%3Ab", Some("buck.s3-us-west-2.amazonaws.com")),
        (&aws, "https://buck.s3.eu-west-1.amazonaws.com/a:b", Some("buck.s3.eu-west-1.amazonaws.com")),
        (&aws, "https://s3.eu-west-1.amazonaws.com", Some("s3.eu-west-1.amazonaws.com")),
        (&aws, "https://buck.s3.us-west-2.amazonaws.com/a:b", None),
        (&aws, "http://buck.s3-us-west-2.amazonaws.com/a:b", None),
        (&aws, "https://buck.s3-us-west-2.amazonaws.com/other", None),
        (&aws, "https://buck.ec2-1-2-3-4.compute-1.amazonaws.com/a:b", None),
        (&aws, "https://s3-evil-0123456789.elb.us-west-2.amazonaws.com/a:b", None),
        (&aws, "https://buck.s3.evilamazonaws.com/a:b", None),
        (&aws, "https://buck.s3.amazonaws.com.evil.com/a:b", None),
        (&aws, "https://evil.com#.s3-x.amazonaws.com/a:b", None),
        (&aws, "https://user@buck.s3-x.amazonaws.com/a:b", None),
        (&aws, "/a:b", None),
        (&own, "https://buck.eu.s3.example.com/a:b", Some("buck.eu.s3.example.com")),
        (&own, "https://BUCK.s3.example.com:9001/a:b", Some("buck.s3.example.com:9001")),
        (&own, "https://buck.evils3.example.com/a:b", None),
        (&own, "https://buck.s3-eu-west-1.amazonaws.com/a:b", None),
        (&ip, "http://127.0.0.1:9001/buck/a:b", Some("127.0.0.1:9001")),
        (&ip, "http://127.0.0.2:9000/buck/a:b", None),
        (&v6, "http://[::1]:9001/buck/a:b", Some("[::1]:9001")),
        (&v6, "http://[::2]:9001/buck/a:b", None),
    ] {
        let redirected = endpoint.redirected(location, &endpoint.object_path("a:b"));
        assert_eq!(redirected.as_ref().map(|to| to.host.as_str()), host, "{location}");
        assert!(redirected.is_none_or(|to| to.region == endpoint.region && to.path == endpoint.path));
    }
}

const POINT: &str = "arn:aws:s3:us-west-2:111122223333:accesspoint:ci";

/// What AWS's published cases leave open.
#[test]
fn other_kinds_of_buckets_have_hosts_of_their_own() {
    for (bucket, region, custom, flags, url, signed) in [
        (
            POINT,
            "eu-west-1",
            "",
            "",
            "https://ci-111122223333.s3-accesspoint.us-west-2.amazonaws.com/k",
            "us-west-2 s3",
        ),
        (
            POINT,
            "aws-global",
            "",
            "f",
            "https://ci-111122223333.s3-accesspoint-fips.us-west-2.amazonaws.com/k",
            "us-west-2 s3",
        ),
        (
            POINT,
            "eu-west-1",
            "http://s3.example.com:9000/base",
            "",
            "http://ci-111122223333.s3.example.com:9000/base/k",
            "us-west-2 s3",
        ),
        (
            "arn:aws-us-gov:s3:us-gov-west-1:111122223333:accesspoint/ci",
            "us-gov-east-1",
            "",
            "fd",
            "https://ci-111122223333.s3-accesspoint-fips.dualstack.us-gov-west-1.amazonaws.com/k",
            "us-gov-west-1 s3",
        ),
        (
            "c--use1-az4--x-s3",
            "us-east-1",
            "",
            "",
            "https://c--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com/k",
            "us-east-1 s3express",
        ),
        (
            "c--use1-az4--x-s3",
            "us-east-1",
            "http://127.0.0.1:9000",
            "",
            "http://127.0.0.1:9000/c--use1-az4--x-s3/k",
            "us-east-1 s3express",
        ),
        (
            "c--use1-az4--x-s3",
            "us-east-1",
            "http://h:9000/b",
            "p",
            "http://c--use1-az4--x-s3.h:9000/b/k",
            "us-east-1 s3express",
        ),
        ("c--x-s3", "r", "https://h", "", "https://c--x-s3.h/k", "r s3express"),
        ("buck", "us-gov-west-1", "", "f", "https://buck.s3-fips.us-gov-west-1.amazonaws.com/k", "us-gov-west-1 s3"),
        (
            "buck",
            "aws-global",
            "",
            "ad",
            "https://buck.s3-accelerate.dualstack.us-east-1.amazonaws.com/k",
            "us-east-1 s3",
        ),
        ("buck", "aws-global", "", "pd", "https://s3.dualstack.us-east-1.amazonaws.com/buck/k", "us-east-1 s3"),
        ("buck", "aws-cn-global", "", "", "https://buck.s3.aws-cn-global.amazonaws.com.cn/k", "aws-cn-global s3"),
        ("a b", "us-east-1", "https://s3.example.com", "", "https://s3.example.com/a%20b/k", "us-east-1 s3"),
        ("buck", "Zone_1", "https://s3.example.com", "p", "https://s3.example.com/buck/k", "Zone_1 s3"),
    ] {
        let endpoint = any(bucket, region, custom, flags).unwrap();
        assert_eq!(format!("{}{}", endpoint.url(), endpoint.object_path("k")), url);
        assert_eq!(format!("{} {}", endpoint.region, endpoint.service), signed);
        assert_eq!(endpoint.sessions, endpoint.service == "s3express");
    }
    for (bucket, region, custom, flags) in [
        ("buck", "cn-northwest-1", "", "f"),
        ("buck", "Zone_1", "https://s3.example.com", ""),
        (POINT, "cn-north-1", "https://s3.example.com", ""),
        (POINT, "us-gov-west-1", "", ""),
        ("c--usaz1--x-s3", "us-east-1", "", ""),
        ("C--use1-az4--x-s3", "us-east-1", "", ""),
        ("a.c--use1-az4--x-s3", "us-east-1", "http://s3.example.com", ""),
    ] {
        let error = any(bucket, region, custom, flags).unwrap_err();
        assert!(matches!(error, Error::Usage(_)) && error.hint().is_some(), "{bucket} {region}: {error}");
    }
}

#[test]
fn other_kinds_of_buckets_move_and_redirect_within_their_service() {
    let point = any(POINT, "us-west-2", "", "").unwrap();
    assert_eq!(point.in_region("eu-west-1"), None);
    let directory = any("c--use1-az4--x-s3", "us-east-1", "", "").unwrap();
    let moved = directory.in_region("us-west-2").unwrap();
    assert_eq!(moved.host, "c--use1-az4--x-s3.s3express-use1-az4.us-west-2.amazonaws.com");
    assert_eq!(any("buck", "us-east-1", "", "f").unwrap().in_region("cn-north-1"), None);
    let plain = endpoint("buck", "us-east-1", "", false);
    for (endpoint, host, follows) in [
        (&point, "ci-111122223333.s3-accesspoint-fips.us-west-2.amazonaws.com", true),
        (&point, "other-1.s3-accesspoint.us-west-2.amazonaws.com", false),
        (&point, "s3.us-west-2.amazonaws.com", true),
        (&directory, "c--use1-az4--x-s3.s3express-fips-use1-az4.us-east-1.amazonaws.com", true),
        (&directory, "c--use1-az4--x-s3.s3evil.us-east-1.amazonaws.com", false),
        (&plain, "buck.s3express-use1-az4.us-east-1.amazonaws.com", false),
    ] {
        let redirected = endpoint.redirected(&format!("https://{host}/a"), "/a");
        assert_eq!(redirected.is_some(), follows, "{host}");
    }
}

#[test]
fn the_source_of_a_copy_is_encoded_once() {
    let source = "arn%3Aaws%3As3%3Aus-west-2%3A111122223333%3Aaccesspoint/ci/object/blobs/sha256%3Aa%20b";
    assert_eq!(any(POINT, "us-west-2", "", "").unwrap().copy_source("blobs/sha256:a b"), source);
    assert_eq!(endpoint("buck", "us-east-1", "", false).copy_source("a b/c"), "buck/a%20b/c");
}
