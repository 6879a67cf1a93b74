//! AWS's rules for endpoints: where requests for a bucket go, and what they are signed for.

use crate::aws::Partition;
use crate::base::{Error, Result, percent_encode_path};
use crate::config::{Bucket, BucketKind, EndpointUrl, is_host_label, is_virtual_hostable};
use crate::s3::endpoint::choice::EndpointChoice;

/// The pseudo-region of services without regions, and the region that it signs for.
const GLOBAL: (&str, &str) = ("aws-global", "us-east-1");

/// How S3 serves one kind of bucket.
struct Service {
    /// The first label of the host after the bucket.
    host: &'static str,
    signing: &'static str,
    /// Whether the bucket may be in the path.
    has_path_style: bool,
}

const PLAIN: Service = Service { host: "s3", signing: "s3", has_path_style: true };
const ACCELERATED: Service = Service { host: "s3-accelerate", signing: "s3", has_path_style: false };
const ACCESS_POINT: Service = Service { host: "s3-accesspoint", signing: "s3", has_path_style: false };
const DIRECTORY: Service = Service { host: "s3express", signing: "s3express", has_path_style: false };

impl Service {
    fn of(bucket: &Bucket, accelerate: bool) -> Self {
        match bucket.kind() {
            BucketKind::Plain if accelerate => ACCELERATED,
            BucketKind::Plain => PLAIN,
            BucketKind::AccessPoint(_) => ACCESS_POINT,
            BucketKind::Directory(_) | BucketKind::DirectoryAccessPoint(_) => DIRECTORY,
        }
    }
}

/// Where requests go, and what they are signed for.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) https: bool,
    /// What precedes the service's own host, unless the bucket is in the path.
    pub(super) label: String,
    /// The `Host` header, with the port unless it is the scheme's default.
    pub(super) host: String,
    /// The path before `/key`: encoded, empty or beginning with `/`; in path style it includes the bucket.
    pub(super) path: String,
    pub(super) path_style: bool,
    /// Hosts with this suffix belong to the same service.
    pub(super) domain: String,
    pub(super) region: String,
    pub(super) service: &'static str,
}

/// Determines the route.
///
/// # Errors
/// [`Error::Usage`] if AWS has no such endpoint, or the server cannot have one.
pub(super) fn route(choice: &EndpointChoice<'_>) -> Result<Route> {
    let (bucket, region) = (choice.bucket, choice.region);
    let partition = Partition::of(region);
    if choice.fips && !partition.has_fips() {
        let hint =
            format!("set region={region}, unset AWS_USE_FIPS_ENDPOINT, and remove use_fips_endpoint from the profile");
        return Err(Error::usage(format!("region {region} has no FIPS endpoints")).with_hint(hint));
    }
    let point = bucket.access_point();
    let label = point.map_or_else(|| bucket.name().to_owned(), |point| point.host_label());
    let signed = match (point, region == GLOBAL.0 && !bucket.is_directory()) {
        (Some(point), _) => &point.region,
        (None, true) => GLOBAL.1,
        (None, false) => region,
    };
    let other = Partition::of(signed).name;
    if other != partition.name {
        let message = format!("bucket={bucket} is in partition {other}, and region {region} in {}", partition.name);
        return Err(Error::usage(message).with_hint(format!("set region={signed}, with credentials of that partition")));
    }
    let parts = (label, signed.to_owned(), partition.domain);
    match choice.custom {
        Some(EndpointUrl::Http { https, host, port, base_path }) => {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            custom(choice, parts, *https, (host, &port, base_path))
        }
        // A directory is not reached over HTTP, so this does not occur.
        Some(EndpointUrl::File(_)) | None => aws(choice, parts),
    }
}

fn aws(choice: &EndpointChoice<'_>, (label, signed, domain): (String, String, &str)) -> Result<Route> {
    let EndpointChoice { bucket, region, fips, dualstack, accelerate, .. } = *choice;
    let service = Service::of(bucket, accelerate);
    let zone = bucket.zone().unwrap_or_default();
    if bucket.is_directory() && (bucket.zone().is_none() || !is_label(bucket.name())) {
        return Err(no_directory_bucket(bucket));
    }
    let is_global = region == GLOBAL.0 && !bucket.is_directory();
    let in_host = match (accelerate, is_global) {
        (true, true) if dualstack => GLOBAL.1,
        (true, _) => "",
        (false, true) if !fips && !dualstack && bucket.access_point().is_none() => "",
        (false, _) => &signed,
    };
    let when = |set: bool, text: &'static str| if set { text } else { "" };
    let host = [
        service.host,
        when(fips, "-fips"),
        when(!zone.is_empty(), "-"),
        zone,
        when(dualstack, ".dualstack"),
        when(!in_host.is_empty(), "."),
        in_host,
        ".",
        domain,
    ]
    .concat();
    let path_style = service.has_path_style && (choice.path_style || !is_label(bucket.name()));
    let (host, path) = place(path_style.then_some(bucket), &label, &host, "");
    let (domain, service) = (domain.to_owned(), service.signing);
    Ok(Route { https: true, label, host, path, path_style, domain, region: signed, service })
}

fn custom(
    choice: &EndpointChoice<'_>,
    (label, signed, _): (String, String, &str),
    https: bool,
    (host, port, base): (&str, &str, &str),
) -> Result<Route> {
    let bucket = choice.bucket;
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    let path_style = match bucket.kind() {
        BucketKind::AccessPoint(_) => false,
        BucketKind::Plain => choice.path_style || is_address || !is_virtual_hostable(bucket.name(), https),
        _ if is_address => true,
        _ if is_label(bucket.name()) => false,
        _ => return Err(no_directory_bucket(bucket)),
    };
    if *bucket.kind() == BucketKind::Plain && !path_style && !is_host_label(choice.region) {
        let message = format!("region {} is not a region: it has more than letters, digits and -", choice.region);
        return Err(Error::usage(message).with_hint("set region to the server's region, such as us-east-1"));
    }
    let (full, path) = place(path_style.then_some(bucket), &label, host, base);
    let service = Service::of(bucket, false).signing;
    let (host, domain) = (format!("{full}{port}"), host.to_owned());
    Ok(Route { https, label, host, path, path_style, domain, region: signed, service })
}

/// Returns host and path with the bucket added: as the label, or in the path.
fn place(in_path: Option<&Bucket>, label: &str, host: &str, base: &str) -> (String, String) {
    match in_path {
        Some(bucket) => (host.to_owned(), format!("{base}/{}", percent_encode_path(bucket.name()))),
        None => (format!("{label}.{host}"), base.to_owned()),
    }
}

fn no_directory_bucket(bucket: &Bucket) -> Error {
    let suffix = if bucket.name().ends_with("--x-s3") { "--x-s3" } else { "--xa-s3" };
    Error::usage(format!("bucket={bucket} ends as a directory bucket, but is not the name of one")).with_hint(format!(
        "write BASE--ZONE{suffix}, with a zone such as use1-az4 and only a-z, 0-9 and - in front of it"
    ))
}

/// Returns whether the bucket can be one label of a host name.
fn is_label(bucket: &str) -> bool {
    is_virtual_hostable(bucket, true)
}
