//! Parses `bucket`, which names an ordinary bucket or one of AWS's other kinds.

use std::fmt;
use std::str::FromStr;

use crate::base::{Error, Result};

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

/// The parts of `arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessPoint {
    pub(crate) partition: String,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) name: String,
}

/// The availability zone or local zone of a directory bucket, such as `use1-az4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone(String);

impl Zone {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Suffixes that AWS reserves for aliases of resources other than buckets.
const RESERVED: &[(&str, &str)] = &[
    (".mrap", "a multi-Region access point"),
    ("--ol-s3", "an Object Lambda access point"),
    ("--op-s3", "an access point of S3 on Outposts"),
];
const NAME_RULE: &str = "a bucket name is 3 to 63 of a-z, 0-9, . and -, and begins and ends with a letter or digit";

impl Bucket {
    /// Returns the name as it appears in messages: of an access point the ARN.
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

    /// Returns the zone of a directory bucket or of its access point, or `None` for other kinds.
    pub(crate) fn zone(&self) -> Option<&str> {
        match &self.kind {
            BucketKind::Directory(zone) | BucketKind::DirectoryAccessPoint(zone) => Some(zone.as_str()),
            _ => None,
        }
    }

    /// Returns whether the bucket is a directory bucket or an access point of one.
    pub(crate) fn is_directory(&self) -> bool {
        self.zone().is_some()
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
        if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("arn:")) {
            return arn(text);
        }
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
        let kind = match directory_zone(text).map(|zone| Zone(zone.to_owned())) {
            Some(zone) if text.ends_with("--x-s3") => BucketKind::Directory(zone),
            Some(zone) => BucketKind::DirectoryAccessPoint(zone),
            None => BucketKind::Plain,
        };
        Ok(Self { name: text.to_owned(), kind })
    }
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

/// Parses `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
fn arn(text: &str) -> Result<Bucket> {
    let mut fields = text.splitn(6, ':').skip(1);
    let mut field = || fields.next().unwrap_or_default();
    let (partition, service, region, account, resource) = (field(), field(), field(), field(), field());
    let (kind, name) = resource.split_once(['/', ':']).unwrap_or(("", resource));
    match (service, kind) {
        ("s3", _) if region.is_empty() && account.is_empty() => {
            let name = resource.split('/').next().filter(|name| is_segment(name));
            let hint = name.map_or_else(|| NAME_RULE.to_owned(), |name| format!("set bucket={name}"));
            Err(Error::usage(format!("bucket={} is an ARN, not a bucket name", shown(text))).with_hint(hint))
        }
        ("s3", "accesspoint") if name.ends_with(".mrap") || region.is_empty() => {
            Err(unusable(text, "a multi-Region access point"))
        }
        ("s3", "accesspoint") if is_segment(name) && is_clean(text) => {
            let own = str::to_owned;
            let (partition, region, account, name) = (own(partition), own(region), own(account), own(name));
            let kind = BucketKind::AccessPoint(AccessPoint { partition, region, account, name });
            Ok(Bucket { name: text.to_owned(), kind })
        }
        ("s3express", _) if is_segment(name) => {
            let message = format!("bucket={} is the ARN of a directory bucket, not a bucket name", shown(text));
            Err(Error::usage(message)
                .with_hint("use the name of a general purpose bucket: directory buckets are not supported"))
        }
        ("s3-object-lambda", _) => Err(unusable(text, "an Object Lambda access point")),
        ("s3-outposts", _) => Err(unusable(text, "S3 on Outposts")),
        _ => Err(Error::usage(format!("bucket={} is the ARN of something other than a bucket", shown(text)))
            .with_hint("set bucket to the bucket's name")),
    }
}

fn unusable(text: &str, what: &str) -> Error {
    let hint = "set bucket to the name of a bucket, or to the alias of an access point of one bucket (…-s3alias)";
    Error::usage(format!("bucket={} is {what}, which cannot hold a cache", shown(text))).with_hint(hint)
}

/// Returns the zone in the name of a directory bucket, or of an access point for one (`--xa-s3`).
fn directory_zone(name: &str) -> Option<&str> {
    let rest = name.strip_suffix("--x-s3").or_else(|| name.strip_suffix("--xa-s3"))?;
    let (base, zone) = rest.rsplit_once("--")?;
    (!base.is_empty() && !zone.is_empty()).then_some(zone)
}

fn is_clean(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

/// Returns whether the text is a single path segment.
fn is_segment(text: &str) -> bool {
    !text.is_empty() && !matches!(text, "." | "..") && !text.contains('/') && is_clean(text)
}

/// Returns whether the name follows S3's rules for buckets, so that it can stand in a host name.
pub(crate) fn is_dns_name(name: &str) -> bool {
    let alphanumeric = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
        && alphanumeric(name.bytes().next())
        && alphanumeric(name.bytes().last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
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
            "x--x-s3",
            "arnold",
            "mrap",
        ] {
            let bucket: Bucket = name.parse().unwrap();
            assert!(bucket.check_for_s3(false).is_ok() && bucket.name() == name, "{name}");
        }
    }

    #[test]
    fn other_kinds_are_parsed() {
        for separator in ["/", ":"] {
            let arn = format!("arn:aws:s3:eu-west-1:111122223333:accesspoint{separator}ci");
            let bucket: Bucket = arn.parse().unwrap();
            let point = bucket.access_point().unwrap();
            assert_eq!((&*point.region, &*point.account, &*point.name), ("eu-west-1", "111122223333", "ci"));
        }
        for (name, zone) in [
            ("ci-cache--euw1-az1--x-s3", "euw1-az1"),
            ("my--s3--bucket--usw2-lax1-az1--x-s3", "usw2-lax1-az1"),
            ("point--use1-az4--xa-s3", "use1-az4"),
        ] {
            let bucket: Bucket = name.parse().unwrap();
            assert_eq!((bucket.name(), bucket.zone()), (name, Some(zone)));
        }
    }

    #[test]
    fn invalid_buckets_are_refused_with_an_alternative() {
        for (text, parts) in [
            ("arn:aws:s3:::my-cache", &["is an ARN", "set bucket=my-cache"][..]),
            ("ARN:aws-cn:s3:::my-cache/*", &["is an ARN", "set bucket=my-cache"]),
            ("arn:aws:s3:::", &["is an ARN", "3 to 63"]),
            ("arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap", &["multi-Region access point"]),
            ("mfzwi23gnjvgw.mrap", &["multi-Region access point"]),
            ("arn:aws:s3-object-lambda:eu-west-1:1:accesspoint/x", &["Object Lambda"]),
            ("x-abc--ol-s3", &["Object Lambda"]),
            ("arn:aws:s3-outposts:eu-west-1:1:outpost/op-1/accesspoint/x", &["Outposts"]),
            ("x-abc--op-s3", &["Outposts"]),
            ("arn:aws:s3express:eu-west-1:1:bucket/ci--euw1-az1--x-s3", &["directory bucket"]),
            ("arn:aws:iam::1:role/x", &["something other than a bucket"]),
            ("arn:", &["something other than a bucket"]),
            ("s3://my-cache/prefix", &["is a URL", "set bucket=my-cache"]),
            ("https://my-cache.s3.amazonaws.com", &["is a URL", "endpoint_url"]),
            ("my-cache/app", &["has a slash", "set bucket=my-cache and prefix=app/"]),
            ("a/b c", &["has a slash"]),
            ("a b", &["has a slash, a space"]),
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
        for name in ["my-cache", "a.b", "ci--euw1-az1--x-s3"] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["Upper", "a_b", "ab", "-ab", "a..b", "127.0.0.1", " my-cache", "arn:aws:s3:::my-cache"] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
