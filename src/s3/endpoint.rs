//! Where a bucket is: host, path and signing region, from region, endpoint and addressing style.

use crate::base::percent_encode_path;
use crate::config::EndpointUrl;

/// The host names of AWS's partitions by the regions' beginnings; all others are in the commercial one.
const PARTITIONS: &[(&str, &str)] = &[
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
];
const COMMERCIAL: &str = "amazonaws.com";

/// What decides where a bucket is.
#[derive(Clone, Debug)]
pub(crate) struct EndpointChoice<'a> {
    pub(crate) bucket: &'a str,
    /// What is signed for; on AWS also a part of the host name.
    pub(crate) region: &'a str,
    /// Instead of AWS's own.
    pub(crate) custom: Option<&'a EndpointUrl>,
    pub(crate) path_style: bool,
    /// AWS's FIPS and dual-stack hosts.
    pub(crate) fips: bool,
    pub(crate) dualstack: bool,
}

/// Where a bucket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) https: bool,
    /// The `Host` header: with the port unless it is the scheme's own.
    pub(crate) host: String,
    /// What stands before `/key`: encoded, empty or beginning with `/`; with the bucket in path style.
    path: String,
    /// What requests are signed for.
    pub(crate) region: String,
    /// Not AWS's own.
    pub(crate) custom: bool,
    pub(crate) path_style: bool,
}

impl Endpoint {
    pub(crate) fn new(choice: &EndpointChoice<'_>) -> Self {
        match choice.custom {
            Some(EndpointUrl::Http { https, host, port, base_path }) => {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                Self::custom(choice, *https, host, &port, base_path)
            }
            // A directory is not reached over HTTP: there is no such choice.
            Some(EndpointUrl::File(_)) | None => Self::aws(choice),
        }
    }

    fn custom(choice: &EndpointChoice<'_>, https: bool, host: &str, port: &str, base: &str) -> Self {
        let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
        let path_style = choice.path_style || is_address || !is_virtual_hostable(choice.bucket, https);
        let (host, path) = place(choice.bucket, path_style, host, base);
        let region = choice.region.to_owned();
        Self { https, host: format!("{host}{port}"), path, region, custom: true, path_style }
    }

    fn aws(choice: &EndpointChoice<'_>) -> Self {
        let region = choice.region;
        let partition = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix));
        let suffix = partition.map_or(COMMERCIAL, |(_, suffix)| suffix);
        let service = if choice.fips { "s3-fips" } else { "s3" };
        let service = if choice.dualstack { format!("{service}.dualstack") } else { service.to_owned() };
        let (host, region) = match region {
            "aws-global" => (format!("{service}.{suffix}"), "us-east-1"),
            region => (format!("{service}.{region}.{suffix}"), region),
        };
        let path_style = choice.path_style || !is_virtual_hostable(choice.bucket, true);
        let (host, path) = place(choice.bucket, path_style, &host, "");
        Self { https: true, host, path, region: region.to_owned(), custom: false, path_style }
    }

    /// The encoded path of an object.
    pub(crate) fn object_path(&self, key: &str) -> String {
        format!("{}/{}", self.path, percent_encode_path(key))
    }

    /// The encoded path of the bucket itself.
    pub(crate) fn bucket_path(&self) -> String {
        if self.path.is_empty() { "/".to_owned() } else { self.path.clone() }
    }

    /// The URL for messages.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.host)
    }
}

/// Host and path with the bucket in its place.
fn place(bucket: &str, path_style: bool, host: &str, base: &str) -> (String, String) {
    if path_style {
        (host.to_owned(), format!("{base}/{}", percent_encode_path(bucket)))
    } else {
        (format!("{bucket}.{host}"), base.to_owned())
    }
}

/// Whether the bucket can be a label of the host name. A certificate's wildcard covers one label: no dots over TLS.
fn is_virtual_hostable(bucket: &str, https: bool) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|byte| alphanumeric(byte) || byte == b'-' || (byte == b'.' && !https))
        && bucket.bytes().next().is_some_and(alphanumeric)
        && bucket.bytes().last().is_some_and(alphanumeric)
        && !bucket.contains("..")
        && bucket.parse::<std::net::Ipv4Addr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(bucket: &str, region: &str, custom: &str, path_style: bool) -> Endpoint {
        let custom = (!custom.is_empty()).then(|| EndpointUrl::parse(custom, "endpoint_url").unwrap());
        let custom = custom.as_ref();
        Endpoint::new(&EndpointChoice { bucket, region, custom, path_style, fips: false, dualstack: false })
    }

    /// The rows of AWS's endpoint rules, as its SDKs resolve them.
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
        let choice = EndpointChoice {
            bucket: "buck",
            region: "us-east-1",
            custom: None,
            path_style: false,
            fips: true,
            dualstack: true,
        };
        assert_eq!(Endpoint::new(&choice).host, "buck.s3-fips.dualstack.us-east-1.amazonaws.com");
    }
}
