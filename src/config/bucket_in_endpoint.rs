//! Detects endpoints that already contain the bucket's name, which is how the dashboards of many stores show them.

use crate::base::percent_decode;
use crate::config::endpoint_url::EndpointUrl;

/// Host suffixes of known stores. A leading dot means that a region or an account precedes the suffix.
const KNOWN_STORES: &[&str] = &[
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".r2.cloudflarestorage.com",
    ".digitaloceanspaces.com",
    ".backblazeb2.com",
    ".wasabisys.com",
    ".linodeobjects.com",
    ".vultrobjects.com",
    ".scw.cloud",
    ".your-objectstorage.com",
    ".aliyuncs.com",
    ".cloud.ovh.net",
    ".myqcloud.com",
    "storage.googleapis.com",
];
/// AWS names a VPC endpoint `bucket.vpce-….vpce.amazonaws.com`, whatever the bucket is called.
const VPC_ENDPOINT: &str = ".vpce.amazonaws.com";

const AWS: &[&str] = &[".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"];
const SPACES: &str = ".digitaloceanspaces.com";
const SPACES_CDN: &str = ".cdn.digitaloceanspaces.com";
const BACKBLAZE: &str = ".backblazeb2.com";

/// An endpoint that already contains the bucket's name, although requests add it themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BucketInEndpoint {
    /// The URL without the bucket.
    pub(crate) without: String,
    pub(crate) fix: Fix,
    /// Whether the store is known, so that this is certainly a mistake. Other servers may contain the bucket's name by
    /// chance.
    pub(crate) certain: bool,
}

/// The fix for such an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fix {
    /// Remove the bucket from the URL.
    Shorten,
    /// Remove the setting: AWS's own endpoint is the default.
    Remove,
    /// Replace the URL: it serves a website, not the API.
    Website,
    /// Replace the URL: it is Backblaze's download URL, not the API.
    Download,
}

impl EndpointUrl {
    /// Looks for the bucket's name at the start of the host and in the path, where the dashboards of R2 and Spaces put
    /// it.
    pub(crate) fn with_bucket(&self, bucket: &str) -> Option<BucketInEndpoint> {
        let Self::Http { https, host, port, base_path } = self else { return None };
        let label = format!("{}.", bucket.to_ascii_lowercase());
        let rest = host.strip_prefix(&label).filter(|rest| !rest.ends_with(VPC_ENDPOINT));
        let segment_is = |same: fn(&str, &str) -> bool| {
            let is_bucket =
                |segment: &str| percent_decode(segment, false).is_some_and(|segment| same(&segment, bucket));
            base_path.split('/').position(is_bucket)
        };
        let exact = || segment_is(|segment, bucket| segment == bucket).map(|before| (before, true));
        let similar = || segment_is(str::eq_ignore_ascii_case).map(|before| (before, false));
        let (host, segments, exact) = match rest {
            Some(rest) => (rest, 0, true),
            None => exact().or_else(similar).map(|(before, exact)| (host.as_str(), before, exact))?,
        };
        let path: Vec<&str> = base_path.split('/').take(segments).collect();
        let path = path.join("/");
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let scheme = if *https { "https" } else { "http" };
        let certain = exact && KNOWN_STORES.iter().any(|store| host.ends_with(store));
        let fix = fix(host, &path);
        let host = host.strip_suffix(SPACES_CDN).map_or_else(|| host.to_owned(), |region| format!("{region}{SPACES}"));
        Some(BucketInEndpoint {
            without: format!("{scheme}://{host}{port}{}", path.trim_end_matches('/')),
            fix,
            certain,
        })
    }
}

/// Chooses the fix. `host` and `path` exclude the bucket.
fn fix(host: &str, path: &str) -> Fix {
    let of_aws = AWS.iter().any(|domain| host.ends_with(domain)) && !host.ends_with(VPC_ENDPOINT);
    if of_aws && host.starts_with("s3-website") {
        Fix::Website
    } else if of_aws {
        Fix::Remove
    } else if host.ends_with(BACKBLAZE) && path.trim_matches('/') == "file" {
        Fix::Download
    } else {
        Fix::Shorten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_name_in_the_endpoint_is_found() {
        for (url, bucket, without, certain) in [
            ("https://my-space.fra1.digitaloceanspaces.com", "my-space", "https://fra1.digitaloceanspaces.com", true),
            ("https://a1b2.r2.cloudflarestorage.com/cache", "cache", "https://a1b2.r2.cloudflarestorage.com", true),
            (
                "https://a1b2.r2.cloudflarestorage.com/cache/app/",
                "cache",
                "https://a1b2.r2.cloudflarestorage.com",
                true,
            ),
            ("https://cache.a1b2.r2.cloudflarestorage.com", "cache", "https://a1b2.r2.cloudflarestorage.com", true),
            ("https://cache.s3.eu-west-1.amazonaws.com", "cache", "https://s3.eu-west-1.amazonaws.com", true),
            ("https://storage.googleapis.com/cache", "cache", "https://storage.googleapis.com", true),
            ("https://cache.fra1.cdn.digitaloceanspaces.com/", "cache", "https://fra1.digitaloceanspaces.com", true),
            ("https://cache.s3.gra.io.cloud.ovh.net", "cache", "https://s3.gra.io.cloud.ovh.net", true),
            ("https://a1b2.r2.cloudflarestorage.com/Cache", "cache", "https://a1b2.r2.cloudflarestorage.com", false),
            ("http://host//cache//", "cache", "http://host", false),
            ("http://host/s3/CACHE", "cache", "http://host/s3", false),
            ("http://host/Cache/cache", "cache", "http://host/Cache", false),
            ("http://127.0.0.1:9000/cache", "cache", "http://127.0.0.1:9000", false),
            ("https://CACHE.s3.example.com:8443/", "cache", "https://s3.example.com:8443", false),
            ("https://example.com/s3/ca%63he", "cache", "https://example.com/s3", false),
            ("https://cache.example.com", "cache", "https://example.com", false),
        ] {
            let found = EndpointUrl::parse(url, "endpoint_url").unwrap().with_bucket(bucket).unwrap();
            assert_eq!((found.without.as_str(), found.certain), (without, certain), "{url}");
        }
        for (url, bucket) in [
            ("https://s3.example.com", "cache"),
            ("https://mycache.example.com/my-cache", "cache"),
            ("https://storage.googleapis.com", "googleapis"),
            ("https://bucket.vpce-1a2b-5e6f.s3.us-west-2.vpce.amazonaws.com", "bucket"),
            ("file:///srv/cache", "cache"),
        ] {
            assert_eq!(EndpointUrl::parse(url, "endpoint_url").unwrap().with_bucket(bucket), None, "{url}");
        }
        // The store's own host may begin with the same word as a bucket.
        for (url, bucket) in
            [("https://storage.googleapis.com", "storage"), ("https://fra1.digitaloceanspaces.com", "fra1")]
        {
            let found = EndpointUrl::parse(url, "endpoint_url").unwrap().with_bucket(bucket).unwrap();
            assert!(!found.certain, "{url}");
        }
    }

    #[test]
    fn the_fix_depends_on_the_store() {
        for (url, fix) in [
            ("https://cache.s3.eu-west-1.amazonaws.com", Fix::Remove),
            ("https://s3.cn-north-1.amazonaws.com.cn/cache", Fix::Remove),
            ("https://vpce-1a2b-5e6f.s3.us-west-2.vpce.amazonaws.com/cache", Fix::Shorten),
            ("http://cache.s3-website-eu-west-1.amazonaws.com", Fix::Website),
            ("http://cache.s3-website.eu-central-1.amazonaws.com/", Fix::Website),
            ("https://f004.backblazeb2.com/file/cache/", Fix::Download),
            ("https://cache.s3.us-west-004.backblazeb2.com", Fix::Shorten),
            ("https://cache.fra1.cdn.digitaloceanspaces.com", Fix::Shorten),
        ] {
            let found = EndpointUrl::parse(url, "endpoint_url").unwrap().with_bucket("cache").unwrap();
            assert_eq!((found.fix, found.certain), (fix, true), "{url}");
        }
    }
}
