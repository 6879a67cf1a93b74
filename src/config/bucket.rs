//! Parses `bucket`, which names an ordinary bucket or one of AWS's other kinds.

use crate::base::{Error, Problem, Result};

/// The bucket that the attribute `bucket` or `$AWS_BUCKET` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bucket {
    /// An ordinary bucket by name, or an access point by alias.
    Name(String),
    /// An access point by its ARN.
    AccessPoint(AccessPoint),
    /// A directory bucket (S3 Express One Zone), or an access point of one.
    Directory(DirectoryBucket),
}

/// The parts of `arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessPoint {
    pub(crate) arn: String,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) name: String,
}

/// The parts of `BASE--ZONE--x-s3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirectoryBucket {
    pub(crate) name: String,
    pub(crate) zone: String,
}

/// Suffixes that AWS reserves for aliases of resources other than buckets.
const RESERVED: &[(&str, &str)] = &[
    (".mrap", "a multi-Region access point"),
    ("--ol-s3", "an Object Lambda access point"),
    ("--op-s3", "an access point of S3 on Outposts"),
];
const NAME_RULE: &str = "a bucket name is 3 to 63 of a-z, 0-9, . and -, and begins and ends with a letter or digit";

impl Bucket {
    /// Parses `bucket` or `$AWS_BUCKET`. S3 validates names itself; this only ensures that a name stays one segment of
    /// a path or a host.
    ///
    /// # Errors
    /// [`Error::Usage`] if the text does not name a bucket, or names something that cannot hold a cache.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("arn:")) {
            return arn(text);
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let hint = match rest.split(['/', '?', '#']).next() {
                Some(name) if scheme.eq_ignore_ascii_case("s3") && is_segment(name) => format!("set bucket={name}"),
                _ => "set bucket to the bucket's name, and endpoint_url to the store's URL".to_owned(),
            };
            return Err(usage(format!("bucket={} is a URL, not a bucket name", shown(text)), hint));
        }
        if let Some((name, prefix)) = text.split_once('/').filter(|(name, prefix)| is_segment(name) && is_clean(prefix))
        {
            let prefix = prefix.trim_end_matches('/');
            let more = if prefix.is_empty() { String::new() } else { format!(" and prefix={}/", shown(prefix)) };
            let message = format!("bucket={} has a slash, a space or a control character", shown(text));
            return Err(usage(message, format!("set bucket={name}{more}; {NAME_RULE}")));
        }
        if !is_clean(text) || text.contains('/') {
            let message = format!("bucket={} has a slash, a space or a control character", shown(text));
            return Err(usage(message, NAME_RULE));
        }
        if !is_segment(text) {
            return Err(usage(format!("bucket={} is not a bucket name", shown(text)), NAME_RULE));
        }
        if let Some((_, what)) = RESERVED.iter().find(|(suffix, _)| text.ends_with(suffix)) {
            return Err(unusable(text, what));
        }
        Ok(match directory_zone(text) {
            Some(zone) => Self::Directory(DirectoryBucket { name: text.to_owned(), zone: zone.to_owned() }),
            None => Self::Name(text.to_owned()),
        })
    }

    /// Parses the name of a bucket in a directory store, where it becomes a directory name: S3's naming rules apply.
    ///
    /// # Errors
    /// [`Error::Usage`] if it is not a bucket name.
    pub(crate) fn parse_for_directory(text: &str) -> Result<Self> {
        let name = match Self::parse(text)? {
            Self::Directory(DirectoryBucket { name, .. }) | Self::Name(name) => name,
            bucket @ Self::AccessPoint(_) => return bucket.supported(),
        };
        if is_valid_name(&name) {
            return Ok(Self::Name(name));
        }
        Err(usage(format!("bucket={} is not a bucket name", shown(text)), NAME_RULE))
    }

    /// Returns the bucket if its kind can hold a cache.
    ///
    /// # Errors
    /// [`Error::Usage`], which names the kind and the alternative.
    pub(crate) fn supported(self) -> Result<Self> {
        match self {
            Self::Name(_) => Ok(self),
            Self::AccessPoint(AccessPoint { arn, region, account, name }) => Err(usage(
                format!("bucket={arn} is the ARN of an access point, which is not supported"),
                format!(
                    "set bucket to the access point's alias, which ends in -s3alias (aws s3control get-access-point \
                     --region {region} --account-id {account} --name {name} --query Alias)"
                ),
            )),
            Self::Directory(DirectoryBucket { name, zone }) => Err(usage(
                format!("bucket={name} is a directory bucket (S3 Express One Zone, {zone}), which is not supported"),
                "use a general purpose bucket in the same region",
            )),
        }
    }

    /// Returns the name as it appears in URLs and messages.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Directory(DirectoryBucket { name, .. }) => name,
            Self::AccessPoint(AccessPoint { arn, .. }) => arn,
        }
    }
}

/// Parses `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
fn arn(text: &str) -> Result<Bucket> {
    let mut fields = text.splitn(6, ':').skip(2);
    let mut field = || fields.next().unwrap_or_default();
    let (service, region, account, resource) = (field(), field(), field(), field());
    let (kind, name) = resource.split_once(['/', ':']).unwrap_or(("", resource));
    match (service, kind) {
        ("s3", _) if region.is_empty() && account.is_empty() => {
            let name = resource.split('/').next().filter(|name| is_segment(name));
            let hint = name.map_or_else(|| NAME_RULE.to_owned(), |name| format!("set bucket={name}"));
            Err(usage(format!("bucket={} is an ARN, not a bucket name", shown(text)), hint))
        }
        ("s3", "accesspoint") if name.ends_with(".mrap") || region.is_empty() => {
            Err(unusable(text, "a multi-Region access point"))
        }
        ("s3", "accesspoint") if is_segment(name) && is_clean(text) => Ok(Bucket::AccessPoint(AccessPoint {
            arn: text.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            name: name.to_owned(),
        })),
        ("s3express", _) if is_segment(name) => {
            let message = format!("bucket={} is the ARN of a directory bucket, not a bucket name", shown(text));
            Err(usage(message, "use the name of a general purpose bucket: directory buckets are not supported"))
        }
        ("s3-object-lambda", _) => Err(unusable(text, "an Object Lambda access point")),
        ("s3-outposts", _) => Err(unusable(text, "S3 on Outposts")),
        _ => Err(usage(
            format!("bucket={} is the ARN of something other than a bucket", shown(text)),
            "set bucket to the bucket's name",
        )),
    }
}

fn unusable(text: &str, what: &str) -> Error {
    let hint = "set bucket to the name of a bucket, or to the alias of an access point of one bucket (…-s3alias)";
    usage(format!("bucket={} is {what}, which cannot hold a cache", shown(text)), hint)
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

/// Checks S3's naming rules for buckets.
fn is_valid_name(name: &str) -> bool {
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

fn usage(message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Usage(Problem::new(message).hint(hint))
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
            assert_eq!(Bucket::parse(name).unwrap().supported().unwrap().name(), name);
        }
    }

    #[test]
    fn other_kinds_are_taken_apart() {
        for separator in ["/", ":"] {
            let arn = format!("arn:aws:s3:eu-west-1:111122223333:accesspoint{separator}ci");
            let Bucket::AccessPoint(point) = Bucket::parse(&arn).unwrap() else { panic!("{arn}") };
            assert_eq!((&*point.region, &*point.account, &*point.name), ("eu-west-1", "111122223333", "ci"));
        }
        for (name, zone) in [
            ("ci-cache--euw1-az1--x-s3", "euw1-az1"),
            ("my--s3--bucket--usw2-lax1-az1--x-s3", "usw2-lax1-az1"),
            ("point--use1-az4--xa-s3", "use1-az4"),
        ] {
            let Bucket::Directory(bucket) = Bucket::parse(name).unwrap() else { panic!("{name}") };
            assert_eq!((&*bucket.name, &*bucket.zone), (name, zone));
        }
    }

    #[test]
    fn what_is_no_bucket_is_refused_with_the_way_out() {
        for (text, parts) in [
            ("arn:aws:s3:::my-cache", &["is an ARN", "set bucket=my-cache"][..]),
            ("ARN:aws-cn:s3:::my-cache/*", &["is an ARN", "set bucket=my-cache"]),
            ("arn:aws:s3:::", &["is an ARN", "3 to 63"]),
            ("arn:aws:s3:eu-west-1:111122223333:accesspoint/ci", &["an access point", "-s3alias", "--name ci"]),
            ("arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap", &["multi-Region access point"]),
            ("mfzwi23gnjvgw.mrap", &["multi-Region access point"]),
            ("arn:aws:s3-object-lambda:eu-west-1:1:accesspoint/x", &["Object Lambda"]),
            ("x-abc--ol-s3", &["Object Lambda"]),
            ("arn:aws:s3-outposts:eu-west-1:1:outpost/op-1/accesspoint/x", &["Outposts"]),
            ("x-abc--op-s3", &["Outposts"]),
            ("arn:aws:s3express:eu-west-1:1:bucket/ci--euw1-az1--x-s3", &["directory bucket"]),
            ("ci-cache--euw1-az1--x-s3", &["directory bucket", "euw1-az1", "general purpose"]),
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
            let error = Bucket::parse(text).and_then(Bucket::supported).unwrap_err();
            let told = format!("{error} | {}", error.hint().unwrap());
            assert!(matches!(error, Error::Usage(_)) && parts.iter().all(|part| told.contains(part)), "{told}");
        }
    }

    #[test]
    fn in_a_directory_s3s_rule_for_names_is_kept() {
        for name in ["my-cache", "a.b", "ci--euw1-az1--x-s3"] {
            assert_eq!(Bucket::parse_for_directory(name).unwrap().name(), name);
        }
        for name in ["Upper", "a_b", "ab", "-ab", "a..b", "127.0.0.1", " my-cache", "arn:aws:s3:::my-cache"] {
            assert!(Bucket::parse_for_directory(name).is_err(), "{name}");
        }
    }
}
