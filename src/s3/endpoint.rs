//! Derives the host, path and signing region of a bucket from region, endpoint and addressing style.

use crate::aws::{domains, has_acceleration, is_aws_s3, is_region_name};
use crate::base::{Result, percent_decode, percent_encode_path};
use crate::config::{Bucket, EndpointUrl, is_dns_name};
use crate::sigv4::canonical_query;

/// Longer regions come from servers that have none.
const MAX_REGION_BYTES: usize = 64;

/// The settings that determine the endpoint.
#[derive(Clone, Debug)]
pub(crate) struct EndpointChoice<'a> {
    pub(crate) bucket: &'a Bucket,
    /// The signing region; on AWS also part of the host name.
    pub(crate) region: &'a str,
    /// A custom endpoint instead of AWS's own.
    pub(crate) custom: Option<&'a EndpointUrl>,
    pub(crate) path_style: bool,
    /// Use AWS's FIPS and dual-stack hosts.
    pub(crate) fips: bool,
    pub(crate) dualstack: bool,
    /// Use AWS's edge locations, which reach any region. Requires a bucket name that is a valid host label and the
    /// commercial partition, and can be combined only with dual-stack.
    pub(crate) accelerate: bool,
    /// Whether directory buckets are accessed with sessions, not with the base credentials.
    pub(crate) sessions: bool,
}

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
    /// [`Error::Usage`] if AWS has no such endpoint.
    pub(crate) fn new(choice: &EndpointChoice<'_>) -> Result<Self> {
        Ok(match choice.custom {
            Some(EndpointUrl::Http { https, host, port, base_path }) => {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                Self::custom(choice, *https, host, &port, base_path)
            }
            // A directory is not reached over HTTP, so this does not occur.
            Some(EndpointUrl::File(_)) | None => Self::aws(choice),
        })
    }

    fn custom(choice: &EndpointChoice<'_>, https: bool, host: &str, port: &str, base: &str) -> Self {
        let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
        let path_style = choice.path_style || is_address || !is_virtual_hostable(choice.bucket.name(), https);
        let (full, path) = place(choice.bucket.name(), path_style, host, base);
        Self {
            https,
            host: format!("{full}{port}"),
            path,
            region: choice.region.to_owned(),
            custom: true,
            path_style,
            service: if choice.bucket.is_directory() { "s3express" } else { "s3" },
            sessions: choice.sessions && choice.bucket.is_directory(),
            choice: AwsChoice::of(choice),
            domain: host.to_owned(),
        }
    }

    fn aws(choice: &EndpointChoice<'_>) -> Self {
        let region = choice.region;
        let (suffix, _) = domains(region);
        let service = match (choice.accelerate, choice.fips) {
            (true, _) => "s3-accelerate",
            (false, true) => "s3-fips",
            (false, false) => "s3",
        };
        let service = if choice.dualstack { format!("{service}.dualstack") } else { service.to_owned() };
        let (host, region) = match region {
            "aws-global" => (format!("{service}.{suffix}"), "us-east-1"),
            region if choice.accelerate => (format!("{service}.{suffix}"), region),
            region => (format!("{service}.{region}.{suffix}"), region),
        };
        let path_style = choice.path_style || !is_virtual_hostable(choice.bucket.name(), true);
        let (host, path) = place(choice.bucket.name(), path_style, &host, "");
        Self {
            https: true,
            host,
            path,
            region: region.to_owned(),
            custom: false,
            path_style,
            service: if choice.bucket.is_directory() { "s3express" } else { "s3" },
            sessions: choice.sessions && choice.bucket.is_directory(),
            choice: AwsChoice::of(choice),
            domain: suffix.to_owned(),
        }
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
        let name = name.strip_prefix(&format!("{}.", self.choice.bucket.name())).unwrap_or(name);
        match name.strip_suffix(&self.domain) {
            // Anyone can have other hosts in AWS's domain.
            Some(before) if !self.custom => {
                (before.starts_with("s3.") || before.starts_with("s3-")) && before.ends_with('.')
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

/// Returns host and path with the bucket added.
fn place(bucket: &str, path_style: bool, host: &str, base: &str) -> (String, String) {
    if path_style {
        (host.to_owned(), format!("{base}/{}", percent_encode_path(bucket)))
    } else {
        (format!("{bucket}.{host}"), base.to_owned())
    }
}

/// Returns whether the bucket can be a label of the host name. A wildcard certificate covers one label, so no dots over
/// TLS.
fn is_virtual_hostable(bucket: &str, https: bool) -> bool {
    is_dns_name(bucket) && !(https && bucket.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(bucket: &str, region: &str, custom: &str, path_style: bool) -> Endpoint {
        let custom = (!custom.is_empty()).then(|| EndpointUrl::parse(custom, "endpoint_url").unwrap());
        let custom = custom.as_ref();
        Endpoint::new(&EndpointChoice {
            bucket: &bucket.parse().unwrap(),
            region,
            custom,
            path_style,
            fips: false,
            dualstack: false,
            accelerate: false,
            sessions: true,
        })
        .unwrap()
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
            (
                "buck",
                "us-east-1",
                "https://s3.example.com/base/",
                true,
                "https://s3.example.com/base/buck/k",
                "us-east-1",
            ),
            (
                "buck",
                "us-east-1",
                "https://s3.example.com/base",
                false,
                "https://buck.s3.example.com/base/k",
                "us-east-1",
            ),
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
        let bucket = "buck".parse().unwrap();
        let choice = EndpointChoice {
            bucket: &bucket,
            region: "us-east-1",
            custom: None,
            path_style: false,
            fips: true,
            dualstack: true,
            accelerate: false,
            sessions: true,
        };
        assert_eq!(Endpoint::new(&choice).unwrap().host, "buck.s3-fips.dualstack.us-east-1.amazonaws.com");
    }

    #[test]
    fn acceleration_has_one_host_for_all_regions_and_signs_for_the_buckets() {
        let of = |region, dualstack| {
            let (custom, path_style, fips) = (None, false, false);
            Endpoint::new(&EndpointChoice {
                bucket: &"buck".parse().unwrap(),
                region,
                custom,
                path_style,
                fips,
                dualstack,
                accelerate: true,
                sessions: true,
            })
            .unwrap()
        };
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
}
