//! Parses `bucket`, which names an ordinary bucket or one of AWS's other kinds.

mod arn;
mod name;

use std::fmt;
use std::str::FromStr;

use crate::base::{Error, Result, shown};
use crate::config::bucket::arn::{MULTI_REGION, OBJECT_LAMBDA, OUTPOSTS, unusable};
use crate::config::bucket::name::{NAME_RULE, is_clean, is_dns_name, is_segment};

pub(crate) use arn::AccessPoint;
pub(crate) use name::{is_host_label, is_virtual_hostable};

/// The name of a bucket, or of something that stands in for one. [`Location`](crate::config::Location) decides whether
/// its kind can hold a cache, because a directory accepts other names than S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    name: String,
    kind: BucketKind,
}

/// What the name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BucketKind {
    /// An ordinary bucket by name, or an access point by alias.
    Plain,
    /// An access point by its ARN.
    AccessPoint(AccessPoint),
    /// A directory bucket (S3 Express One Zone).
    Directory(Zone),
    /// An access point of a directory bucket.
    DirectoryAccessPoint(Zone),
}

/// The availability zone or local zone in the name of a directory bucket, such as `use1-az4`, unless the name has none
/// where AWS expects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone(Option<String>);

impl Zone {
    /// Returns the zone before the suffix of a directory bucket.
    fn before_suffix(rest: &str) -> Self {
        let zone = rest.rsplit_once("--").filter(|(base, zone)| !base.is_empty() && ZONE_LENGTHS.contains(&zone.len()));
        Self(zone.map(|(_, zone)| zone.to_owned()))
    }

    fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// Suffixes that AWS reserves for aliases of resources other than buckets.
const RESERVED: &[(&str, &str)] = &[(".mrap", MULTI_REGION), ("--ol-s3", OBJECT_LAMBDA), ("--op-s3", OUTPOSTS)];
/// The lengths of zones, for which the SDKs look at the end of a bucket's name.
const ZONE_LENGTHS: &[usize] = &[8, 9, 13, 14, 20];
/// The suffix of access point aliases.
const ALIAS: &str = "-s3alias";

impl Bucket {
    /// Returns the name as it appears in messages, which is the ARN for an access point.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn kind(&self) -> &BucketKind {
        &self.kind
    }

    /// Returns the access point, if the bucket is the ARN of one.
    pub(crate) fn access_point(&self) -> Option<&AccessPoint> {
        match &self.kind {
            BucketKind::AccessPoint(point) => Some(point),
            _ => None,
        }
    }

    /// Returns the zone of a directory bucket or of its access point, or `None` for other kinds, and if the name has no
    /// zone where AWS expects it.
    pub(crate) fn zone(&self) -> Option<&str> {
        match &self.kind {
            BucketKind::Directory(zone) | BucketKind::DirectoryAccessPoint(zone) => zone.as_str(),
            _ => None,
        }
    }

    /// Returns whether the bucket is a directory bucket or an access point of one.
    pub(crate) fn is_directory(&self) -> bool {
        matches!(self.kind, BucketKind::Directory(_) | BucketKind::DirectoryAccessPoint(_))
    }

    /// Returns whether the bucket is an access point's alias.
    pub(crate) fn is_alias(&self) -> bool {
        self.kind == BucketKind::Plain && self.name.ends_with(ALIAS)
    }

    /// Returns the name of the kind.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.kind {
            BucketKind::Plain if !self.is_alias() => "general-purpose",
            BucketKind::Plain | BucketKind::AccessPoint(_) => "access-point",
            BucketKind::Directory(_) => "directory",
            BucketKind::DirectoryAccessPoint(_) => "directory-access-point",
        }
    }

    /// Returns an object of the bucket as the source of a copy, not encoded.
    pub(crate) fn copy_source(&self, key: &str) -> String {
        self.access_point().map_or_else(|| format!("{}/{key}", self.name), |point| point.copy_source(key))
    }

    /// Checks that S3 can keep a cache in it.
    ///
    /// # Errors
    /// [`Error::Usage`], which names the kind and the alternative.
    pub(crate) fn check_for_s3(&self, use_path_style: bool) -> Result<()> {
        if use_path_style && self.access_point().is_some() {
            let message = format!("bucket={} and use_path_style=true cannot be combined", self.name);
            return Err(Error::usage(message).with_hint("access points have no path style: remove use_path_style"));
        }
        Ok(())
    }

    /// Checks that it can be a directory of a directory store, where S3's naming rules apply.
    ///
    /// # Errors
    /// [`Error::Usage`] if it is not a bucket name.
    pub(crate) fn check_for_directory(&self) -> Result<()> {
        if is_dns_name(&self.name) {
            return Ok(());
        }
        Err(Error::usage(format!("bucket={} is not a bucket name", shown(&self.name))).with_hint(NAME_RULE))
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Bucket {
    type Err = Error;

    /// Parses `bucket` or `$AWS_BUCKET`. S3 validates names itself; this only ensures that a name stays one segment of
    /// a path or a host, and refuses what cannot hold a cache anywhere.
    ///
    /// # Errors
    /// [`Error::Usage`] with the name to use instead, if there is one.
    fn from_str(text: &str) -> Result<Self> {
        let kind = if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("arn:")) {
            BucketKind::AccessPoint(AccessPoint::parse(text)?)
        } else {
            of_name(text)?
        };
        Ok(Self { name: text.to_owned(), kind })
    }
}

fn of_name(text: &str) -> Result<BucketKind> {
    if let Some((scheme, rest)) = text.split_once("://") {
        return Err(is_url(text, scheme, rest));
    }
    if text.contains('/') || !is_clean(text) {
        return Err(has_slash_or_space(text));
    }
    if !is_segment(text) {
        return Err(Error::usage(format!("bucket={} is not a bucket name", shown(text))).with_hint(NAME_RULE));
    }
    if let Some((_, what)) = RESERVED.iter().find(|(suffix, _)| text.ends_with(suffix)) {
        return Err(unusable(text, what));
    }
    let zone = |suffix| text.strip_suffix(suffix).map(Zone::before_suffix);
    Ok(zone("--x-s3")
        .map(BucketKind::Directory)
        .or_else(|| zone("--xa-s3").map(BucketKind::DirectoryAccessPoint))
        .unwrap_or(BucketKind::Plain))
}

fn is_url(text: &str, scheme: &str, rest: &str) -> Error {
    let hint = match rest.split(['/', '?', '#']).next() {
        Some(name) if scheme.eq_ignore_ascii_case("s3") && is_segment(name) => format!("set bucket={name}"),
        _ => "set bucket to the bucket's name, and endpoint_url to the store's URL".to_owned(),
    };
    Error::usage(format!("bucket={} is a URL, not a bucket name", shown(text))).with_hint(hint)
}

fn has_slash_or_space(text: &str) -> Error {
    let hint = match text.split_once('/').filter(|(name, prefix)| is_segment(name) && is_clean(prefix)) {
        Some((name, prefix)) => {
            let prefix = prefix.trim_end_matches('/');
            let more = if prefix.is_empty() { String::new() } else { format!(" and prefix={}/", shown(prefix)) };
            format!("set bucket={name}{more}; {NAME_RULE}")
        }
        None => NAME_RULE.to_owned(),
    };
    Error::usage(format!("bucket={} has a slash, a space or a control character", shown(text))).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_are_ordinary_buckets() {
        for name in [
            "my-cache",
            "Upper_Case",
            "a.b.c",
            "ci-abcdefghijklmnopqrstuvwxyz0123-s3alias",
            "tenant:bucket",
            "bucket name",
            "example.com#",
            "arnold",
            "mrap",
        ] {
            let bucket: Bucket = name.parse().unwrap();
            assert!(bucket.kind() == &BucketKind::Plain && bucket.name() == name, "{name}");
        }
    }

    #[test]
    fn other_kinds_are_parsed() {
        for separator in ["/", ":"] {
            let arn = format!("arn:aws:s3:eu-west-1:111122223333:accesspoint{separator}ci");
            let bucket: Bucket = arn.parse().unwrap();
            let point = bucket.access_point().unwrap();
            assert_eq!((bucket.name(), bucket.type_name(), &*point.region), (&*arn, "access-point", "eu-west-1"));
            assert_eq!(point.host_label(), "ci-111122223333");
            let source = "arn:aws:s3:eu-west-1:111122223333:accesspoint/ci/object/blobs/sha256:x";
            assert_eq!(bucket.copy_source("blobs/sha256:x"), source);
        }
        for (name, zone, kind) in [
            ("ci-cache--euw1-az1--x-s3", Some("euw1-az1"), "directory"),
            ("my--s3--bucket--usw2-lax1-az1--x-s3", Some("usw2-lax1-az1"), "directory"),
            ("point--use1-az4--xa-s3", Some("use1-az4"), "directory-access-point"),
            ("x--x-s3", None, "directory"),
            ("a--usaz1--x-s3", None, "directory"),
            ("--use1-az4--x-s3", None, "directory"),
        ] {
            let bucket: Bucket = name.parse().unwrap();
            assert_eq!((bucket.name(), bucket.zone(), bucket.type_name()), (name, zone, kind));
            assert_eq!(bucket.copy_source("a/b"), format!("{name}/a/b"));
        }
    }

    #[test]
    fn invalid_buckets_are_refused_with_an_alternative() {
        for (text, parts) in [
            ("arn:aws:s3:::my-cache", &["is an ARN", "set bucket=my-cache"][..]),
            ("ARN:aws-cn:s3:::my-cache/*", &["is an ARN", "set bucket=my-cache"]),
            ("arn:aws:s3:::", &["is an ARN", "3 to 63"]),
            ("arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap", &["multi-Region access point", "SigV4A"]),
            ("arn:aws:s3::111122223333:accesspoint/ci", &["multi-Region access point", "-s3alias"]),
            ("mfzwi23gnjvgw.mrap", &["multi-Region access point", "SigV4A"]),
            ("arn:aws:not-s3:eu-west-1:111122223333:accesspoint/ci", &["something other than a bucket"]),
            ("arn:aws:s3:eu-west-1:111122223333:accesspoint/ci/x", &["more than a name"]),
            ("arn:aws:s3:eu-west-1:111122223333:accesspoint:ci:x", &["more than a name"]),
            ("arn:aws:s3:eu-west-1:111122223333:accesspoint/ap_name", &["no valid name"]),
            ("arn:aws:s3:eu-west-1:111122223333:accesspoint", &["no valid name"]),
            ("arn:aws:s3:eu-west-1::accesspoint/ci", &["no valid account"]),
            ("arn:aws:s3:eu-west-1:1_2:accesspoint/ci", &["no valid account"]),
            ("arn:aws:s3:eu_west_1:111122223333:accesspoint/ci", &["no valid region"]),
            ("arn::s3:eu-west-1:111122223333:accesspoint/ci", &["no partition"]),
            ("arn:aws:s3:eu-west-1:111122223333:bucket/ci", &["something other than a bucket"]),
            ("arn:aws:s3:eu-west-1:1", &["something other than a bucket"]),
            ("arn:aws:s3-object-lambda:eu-west-1:1:accesspoint/x", &["Object Lambda"]),
            ("x-abc--ol-s3", &["Object Lambda"]),
            ("arn:aws:s3-outposts:eu-west-1:1:outpost/op-1/accesspoint/x", &["Outposts"]),
            ("x-abc--op-s3", &["Outposts"]),
            (
                "arn:aws:s3express:eu-west-1:1:bucket/ci--euw1-az1--x-s3",
                &["directory bucket", "set bucket=ci--euw1-az1--x-s3"],
            ),
            ("arn:aws:s3express:eu-west-1:1:bucket", &["directory bucket", "set bucket=BASE--ZONE--x-s3"]),
            ("arn:aws:iam::1:role/x", &["something other than a bucket"]),
            ("arn:", &["something other than a bucket"]),
            ("s3://my-cache/prefix", &["is a URL", "set bucket=my-cache"]),
            ("https://my-cache.s3.amazonaws.com", &["is a URL", "endpoint_url"]),
            ("my-cache/app", &["has a slash", "set bucket=my-cache and prefix=app/"]),
            ("a/b c", &["has a slash"]),
            ("a\tb", &["has a slash, a space"]),
            ("a b ", &["has a slash, a space"]),
            (" my-cache", &["has a slash, a space"]),
            ("..", &["is not a bucket name"]),
            ("", &["is not a bucket name"]),
        ] {
            let error = text.parse().and_then(|bucket: Bucket| bucket.check_for_s3(false)).unwrap_err();
            let told = format!("{error} | {}", error.hint().unwrap());
            assert!(matches!(error, Error::Usage(_)) && parts.iter().all(|part| told.contains(part)), "{told}");
        }
    }

    #[test]
    fn directory_stores_follow_s3s_naming_rule() {
        let check = |name: &str| name.parse().and_then(|bucket: Bucket| bucket.check_for_directory());
        for name in ["my-cache", "a.b", "ci--euw1-az1--x-s3", "x--x-s3"] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["Upper", "a_b", "ab", "-ab", "a..b", "127.0.0.1", "a b", " my-cache", "arn:aws:s3:::my-cache"] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
