//! Where the requests for a bucket go, and what they are signed for.

mod choice;
mod rules;
#[cfg(test)]
mod tests;

use crate::aws::{has_acceleration, is_aws_s3, is_region_name};
use crate::base::{Result, percent_decode, percent_encode_path};
use crate::config::{Bucket, BucketKind};
use crate::s3::endpoint::rules::{Route, route};
use crate::sigv4::canonical_query;

pub(crate) use choice::EndpointChoice;

/// Longer regions come from servers that have none.
const MAX_REGION_BYTES: usize = 64;

/// The endpoint of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) https: bool,
    /// The `Host` header, with the port unless it is the scheme's default.
    pub(crate) host: String,
    /// The path before `/key`: encoded, empty or beginning with `/`; in path style it includes the bucket.
    pub(crate) path: String,
    /// The signing region.
    pub(crate) region: String,
    /// The signing service: `s3` or `s3express`.
    pub(crate) service: &'static str,
    /// Whether requests are signed with the keys of a session, as directory buckets expect.
    pub(crate) sessions: bool,
    /// Whether the endpoint is a custom one, not AWS's.
    pub(crate) custom: bool,
    pub(crate) path_style: bool,
    /// The settings it was made from, to derive it for another region.
    choice: AwsChoice,
    /// What precedes the service's own host.
    label: String,
    /// Hosts with this suffix belong to the same service.
    domain: String,
}

/// The settings that determine an AWS endpoint, except the region.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AwsChoice {
    bucket: Bucket,
    path_style: bool,
    fips: bool,
    dualstack: bool,
    accelerate: bool,
    sessions: bool,
}

impl Endpoint {
    /// Determines the endpoint.
    ///
    /// # Errors
    /// [`Error::Usage`](crate::base::Error::Usage) if AWS has no such endpoint, or the server cannot have one.
    pub(crate) fn new(choice: &EndpointChoice<'_>) -> Result<Self> {
        let Route { https, label, host, path, path_style, domain, region, service } = route(choice)?;
        let sessions = choice.sessions && choice.bucket.is_directory();
        let custom = choice.custom.is_some();
        let choice = AwsChoice::of(choice);
        Ok(Self { https, host, path, region, service, sessions, custom, path_style, choice, label, domain })
    }

    /// Returns whether the bucket may be in the path instead of the host name.
    pub(crate) fn has_path_style(&self) -> bool {
        *self.choice.bucket.kind() == BucketKind::Plain
    }

    /// Returns the zone of a directory bucket, or `None` for other kinds.
    pub(crate) fn zone(&self) -> Option<&str> {
        self.choice.bucket.zone()
    }

    /// Returns whether this is AWS's own S3, reached over TLS.
    pub(crate) fn is_aws(&self) -> bool {
        self.https && (!self.custom || is_aws_s3(&self.host))
    }

    /// Returns the endpoint of the same bucket in another region: on AWS the host changes, elsewhere only the
    /// signature. Returns `None` if the region name is invalid.
    pub(crate) fn in_region(&self, region: &str) -> Option<Self> {
        // A list of regions is not a region.
        let is_one = !region.is_empty() && region.len() <= MAX_REGION_BYTES && !region.contains(',');
        if !is_one || !is_region_name(region, !self.custom) {
            return None;
        }
        if self.custom {
            return Some(Self { region: region.to_owned(), ..self.clone() });
        }
        // An access point is where its ARN says.
        if self.choice.bucket.access_point().is_some() {
            return None;
        }
        let AwsChoice { ref bucket, path_style, fips, dualstack, accelerate, sessions } = self.choice;
        if accelerate && !has_acceleration(region) {
            return None;
        }
        let custom = None;
        Self::new(&EndpointChoice { bucket, region, custom, path_style, fips, dualstack, accelerate, sessions }).ok()
    }

    /// Returns the same endpoint at the host of a redirect. Returns `None` unless it is the same object at a host of
    /// the same service, because the host that receives a signed request can read its content.
    pub(crate) fn redirected(&self, location: &str, target: &str) -> Option<Self> {
        let (scheme, rest) = location.split_once("://")?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = host.to_ascii_lowercase();
        let name = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => name,
            _ => &host,
        };
        let clean = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.[]:".contains(&byte));
        let same_scheme = scheme.eq_ignore_ascii_case(if self.https { "https" } else { "http" });
        let same_object = path.is_empty() || percent_decode(path, false)? == percent_decode(target, false)?;
        let elsewhere = host != self.host;
        (clean && same_scheme && same_object && elsewhere && self.is_of_service(name))
            .then(|| Self { host: host.clone(), ..self.clone() })
    }

    fn is_of_service(&self, name: &str) -> bool {
        let name = name.strip_prefix(&self.label).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name);
        match name.strip_suffix(&self.domain) {
            // Anyone can have other hosts in AWS's domain.
            Some(before) if !self.custom => {
                let is_s3 = ["s3.", "s3-"].iter().any(|start| before.starts_with(start));
                (is_s3 || (self.choice.bucket.is_directory() && before.starts_with("s3express-"))) && is_aws_s3(name)
            }
            Some(before) => before.is_empty() || before.ends_with('.'),
            None => false,
        }
    }

    /// Returns the encoded path of an object.
    pub(crate) fn object_path(&self, key: &str) -> String {
        format!("{}/{}", self.path, percent_encode_path(key))
    }

    /// Returns the encoded path of the bucket.
    pub(crate) fn bucket_path(&self) -> String {
        if self.path.is_empty() { "/".to_owned() } else { self.path.clone() }
    }

    /// Returns path and query as they are sent, for an object or for the bucket.
    pub(crate) fn target(&self, key: Option<&str>, query: &[(&str, &str)]) -> String {
        let path = key.map_or_else(|| self.bucket_path(), |key| self.object_path(key));
        if query.is_empty() { path } else { format!("{path}?{}", canonical_query(query)) }
    }

    /// Returns an object of the bucket as the source of a copy, encoded.
    pub(crate) fn copy_source(&self, key: &str) -> String {
        percent_encode_path(&self.choice.bucket.copy_source(key))
    }

    /// Returns the name of the kind of bucket.
    pub(crate) fn bucket_type(&self) -> &'static str {
        self.choice.bucket.type_name()
    }

    /// Returns the URL for messages.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.host)
    }
}

impl AwsChoice {
    fn of(choice: &EndpointChoice<'_>) -> Self {
        let EndpointChoice { bucket, path_style, fips, dualstack, accelerate, sessions, .. } = *choice;
        Self { bucket: bucket.clone(), path_style, fips, dualstack, accelerate, sessions }
    }
}
