//! Settings that contradict each other although each is valid on its own.

use std::path::Path;

use crate::aws::custom_endpoint::ENDPOINT_ATTRIBUTE;
use crate::aws::partition::has_acceleration;
use crate::aws::setting::{Setting, setting_error};
use crate::base::{Error, Result};
use crate::config::{Bucket, EndpointUrl, Fix, Policy, is_virtual_hostable};

pub(super) const BUCKET_ATTRIBUTE: &str = "the attribute bucket";
pub(super) const ACCELERATE_ATTRIBUTE: &str = "the attribute use_accelerate_endpoint";
/// The only storage class of directory buckets.
const EXPRESS_CLASS: &str = "EXPRESS_ONEZONE";

/// Returns the error for `flag`, FIPS or dual-stack, combined with a custom endpoint.
pub(super) fn aws_endpoint_and_own(flag: &str, endpoint: &str) -> Error {
    setting_error(endpoint == ENDPOINT_ATTRIBUTE, format!("{flag} and {endpoint} cannot be combined"))
        .with_hint("FIPS and dualstack select among AWS's own endpoints: remove one of them")
}

/// Rejects settings that conflict with transfer acceleration: its host is the same in all regions and starts with the
/// bucket, so no setting may select another host.
pub(super) fn check_acceleration(
    switch: &str,
    other: Option<String>,
    (bucket, path_style): (&Bucket, bool),
    region: &Setting<String>,
) -> Result<()> {
    let name = bucket.name();
    let other = match other {
        Some(other) => other,
        None if path_style => "the attribute use_path_style".to_owned(),
        None if bucket.access_point().is_some() => format!("the access point {name}"),
        None if bucket.is_directory() => format!("the directory bucket {name}"),
        None if !is_virtual_hostable(name, true) => {
            format!("the bucket name {name}, which cannot be part of a host name,")
        }
        None if !has_acceleration(&region.value) => format!("region {} ({})", region.value, region.origin),
        None => return Ok(()),
    };
    let error = setting_error(switch == ACCELERATE_ATTRIBUTE, format!("{switch} and {other} cannot be combined"));
    Err(error.with_hint("remove one of them (use_accelerate_endpoint=false overrides the profile)"))
}

/// Rejects what directory buckets do not have.
pub(super) fn check_directory_bucket((bucket, origin): (&Bucket, &str), policy: &Policy) -> Result<()> {
    if !bucket.is_directory() {
        return Ok(());
    }
    let class = policy.storage_class.as_deref().filter(|class| *class != EXPRESS_CLASS);
    let (other, hint) = match (class, policy.request_payer) {
        (Some(class), _) => {
            (format!("storage_class={class}"), "their storage class is EXPRESS_ONEZONE: remove storage_class")
        }
        (None, Some(_)) => ("request_payer".to_owned(), "their owner pays: remove request_payer"),
        (None, None) => return Ok(()),
    };
    let message = format!("{other} and {origin} ({bucket}), a directory bucket, cannot be combined");
    Err(Error::usage(message).with_hint(hint))
}

/// Rejects an endpoint that already contains the bucket: requests would use keys below `BUCKET/`, or an unknown host.
pub(super) fn check_endpoint(endpoint: &Setting<EndpointUrl>, (bucket, bucket_origin): (&str, &str)) -> Result<()> {
    let Some(found) = endpoint.value.with_bucket(bucket) else { return Ok(()) };
    let (url, origin) = (&endpoint.value, &endpoint.origin);
    let message = format!("{origin} ({url}) already contains the bucket {bucket}, which {bucket_origin} adds again");
    if !found.certain {
        log::warn!("{message}; unless that is the server's own address, set endpoint_url={}", found.without);
        return Ok(());
    }
    let setting = origin.trim_start_matches("the attribute ");
    let hint = match found.fix {
        Fix::Shorten => format!("set endpoint_url={}", found.without),
        Fix::Remove => format!("remove {setting}: AWS's own endpoint follows from region"),
        Fix::Website => format!("that is a website endpoint, not the S3 API: remove {setting}"),
        Fix::Download => {
            "that is the URL for downloads, not the S3 API: set endpoint_url=https://s3.REGION.backblazeb2.com"
                .to_owned()
        }
    };
    let attributes = origin == ENDPOINT_ATTRIBUTE && bucket_origin == BUCKET_ATTRIBUTE;
    Err(setting_error(attributes, message).with_hint(hint))
}

/// Warns if the directory already ends in the bucket's name, because the bucket is a subdirectory of it.
pub(super) fn check_directory(dir: &Path, bucket: (&str, &str)) {
    if let Some(warning) = bucket_in_directory(dir, bucket) {
        log::warn!("{warning}");
    }
}

fn bucket_in_directory(dir: &Path, (bucket, bucket_origin): (&str, &str)) -> Option<String> {
    dir.file_name().filter(|name| *name == bucket)?;
    let url = EndpointUrl::File(dir.components().collect());
    let without = dir
        .parent()
        .filter(|parent| parent.parent().is_some())
        .map(|parent| format!("; if that is not intended, set endpoint_url={}", EndpointUrl::File(parent.to_owned())));
    Some(format!(
        "{ENDPOINT_ATTRIBUTE} ({url}) already ends in {bucket}, which {bucket_origin} adds again: the cache is in \
         {url}/{bucket}{}",
        without.unwrap_or_default()
    ))
}

/// Rejects path style for an AWS access point, which does not support it.
pub(super) fn check_alias(path_style_of_aws: bool, (bucket, bucket_origin): (&Bucket, &str)) -> Result<()> {
    if !path_style_of_aws || !bucket.is_alias() {
        return Ok(());
    }
    Err(Error::usage(format!("{bucket_origin} ({bucket}) and use_path_style=true cannot be combined"))
        .with_hint("access points do not support path style: remove use_path_style"))
}

/// Rejects an access point in another region, if that is switched off.
pub(super) fn check_arn_region(
    switch: &Setting<bool>,
    (bucket, bucket_origin): (&Bucket, &str),
    region: &Setting<String>,
) -> Result<()> {
    let Some(point) = bucket.access_point().filter(|point| !switch.value && point.region != region.value) else {
        return Ok(());
    };
    let (off, given, origin) = (&switch.origin, &region.value, &region.origin);
    let message = format!("{bucket_origin} ({bucket}) is not in region {given} ({origin}), and {off} is false");
    Err(setting_error(bucket_origin == BUCKET_ATTRIBUTE, message)
        .with_hint(format!("set region={}, or {off} to true", point.region)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_ending_in_the_bucket_name_is_a_warning() {
        for (dir, fix) in
            [("/srv/my-cache", Some("file:///srv")), ("/srv/my-cache/", Some("file:///srv")), ("/my-cache", None)]
        {
            let warning = bucket_in_directory(Path::new(dir), ("my-cache", BUCKET_ATTRIBUTE)).unwrap();
            let url = format!("file://{}", dir.trim_end_matches('/'));
            assert!(
                warning.starts_with(&format!("the attribute endpoint_url ({url}) already ends in my-cache")),
                "{warning}"
            );
            assert!(warning.contains("the attribute bucket adds again"), "{warning}");
            let told = warning.split_once("set endpoint_url=").map(|(_, url)| url);
            assert_eq!(told, fix, "{warning}");
        }
        for dir in ["/srv/other", "/srv/my-cache/x", "/"] {
            assert_eq!(bucket_in_directory(Path::new(dir), ("my-cache", BUCKET_ATTRIBUTE)), None, "{dir}");
        }
    }
}
