//! Parses the ARN of an access point, and refuses those of other things by name.

use crate::base::{Error, Result, shown};
use crate::config::bucket::name::{NAME_RULE, is_host_label, is_segment};

pub(super) const MULTI_REGION: &str = "a multi-Region access point, which needs SigV4A signatures";
pub(super) const OBJECT_LAMBDA: &str = "an Object Lambda access point, which only reads";
pub(super) const OUTPOSTS: &str = "an access point of S3 on Outposts";

/// The parts of `arn:PARTITION:s3:REGION:ACCOUNT:accesspoint/NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessPoint {
    partition: String,
    pub(crate) region: String,
    account: String,
    name: String,
}

impl AccessPoint {
    /// Parses the ARN, with `:` or `/` before the name.
    ///
    /// # Errors
    /// [`Error::Usage`] with the reason, and with the bucket to use instead, if there is one.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut fields = text.splitn(6, ':').skip(1);
        let mut field = || fields.next().unwrap_or_default();
        let (partition, service, region, account, resource) = (field(), field(), field(), field(), field());
        let (kind, name) = resource.split_once(['/', ':']).unwrap_or((resource, ""));
        match service {
            "s3" if region.is_empty() && account.is_empty() => return Err(of_a_bucket(text, resource)),
            "s3express" => return Err(of_a_directory_bucket(text, name)),
            "s3-object-lambda" => return Err(unusable(text, OBJECT_LAMBDA)),
            "s3-outposts" => return Err(unusable(text, OUTPOSTS)),
            "s3" if kind == "accesspoint" => {}
            _ => {
                let message = format!("bucket={} is the ARN of something other than a bucket", shown(text));
                return Err(Error::usage(message).with_hint("set bucket to the bucket's name"));
            }
        }
        if region.is_empty() || name.ends_with(".mrap") {
            return Err(unusable(text, MULTI_REGION));
        }
        for (wrong, why) in [
            (name.contains(['/', ':']), "has more than a name after accesspoint"),
            (!is_host_label(name), "has no valid name: use letters, digits and - after accesspoint/"),
            (!is_host_label(account), "has no valid account: use 12 digits"),
            (!region.split('.').all(is_host_label), "has no valid region"),
            (partition.is_empty(), "has no partition, which is aws in most regions"),
        ] {
            if wrong {
                let message = format!("bucket={} is not the ARN of an access point: it {why}", shown(text));
                return Err(Error::usage(message).with_hint("write arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME"));
            }
        }
        let [partition, region, account, name] = [partition, region, account, name].map(str::to_owned);
        Ok(Self { partition, region, account, name })
    }

    /// Returns the first label of its host.
    pub(crate) fn host_label(&self) -> String {
        format!("{}-{}", self.name, self.account)
    }

    /// Returns an object of it as the source of a copy, not encoded.
    pub(crate) fn copy_source(&self, key: &str) -> String {
        let Self { partition, region, account, name } = self;
        format!("arn:{partition}:s3:{region}:{account}:accesspoint/{name}/object/{key}")
    }
}

fn of_a_bucket(text: &str, resource: &str) -> Error {
    let name = resource.split('/').next().filter(|name| is_segment(name));
    let hint = name.map_or_else(|| NAME_RULE.to_owned(), |name| format!("set bucket={name}"));
    Error::usage(format!("bucket={} is an ARN, not a bucket name", shown(text))).with_hint(hint)
}

fn of_a_directory_bucket(text: &str, name: &str) -> Error {
    let name = if is_segment(name) { name } else { "BASE--ZONE--x-s3" };
    Error::usage(format!("bucket={} is the ARN of a directory bucket, not its name", shown(text)))
        .with_hint(format!("set bucket={name}"))
}

/// Returns the error for something that is known, but cannot hold a cache.
pub(super) fn unusable(text: &str, what: &str) -> Error {
    let hint = "set bucket to the name of a bucket, or to the ARN or the alias (…-s3alias) of an access point of one \
                bucket";
    Error::usage(format!("bucket={} is {what}: it cannot hold a cache", shown(text))).with_hint(hint)
}
