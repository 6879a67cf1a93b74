//! Determines the region to sign for and validates it.

use crate::aws::lookup::variable;
use crate::aws::profile::Profile;
use crate::aws::setting::{Setting, setting_error};
use crate::base::{Env, Error, Result, is_quoted, unquote};

/// The conventional region of S3-compatible stores that have no regions.
const DEFAULT_REGION: &str = "us-east-1";
const REGION_ATTRIBUTE: &str = "the attribute region";

/// Returns the region from the attribute, a variable or the profile, whichever sets it first.
pub(super) fn region(attribute: Option<&str>, env: &dyn Env, profile: &Profile) -> Option<Setting<String>> {
    let attribute = attribute.map(|region| Setting::new(region.to_owned(), REGION_ATTRIBUTE));
    attribute
        .or_else(|| variable(env, "AWS_REGION"))
        .or_else(|| variable(env, "AWS_DEFAULT_REGION"))
        .or_else(|| profile.setting("region").map(|setting| setting.map(str::to_owned)))
        .map(|setting| setting.map(|region| region.trim().to_owned()))
        .filter(|setting| !setting.value.is_empty())
}

/// Returns the actual region of a pseudo-region, a legacy name that selects FIPS endpoints.
pub(super) fn pseudo_region(region: &str) -> Option<&str> {
    region.strip_prefix("fips-").or_else(|| region.strip_suffix("-fips"))
}

/// Returns whether a name has only the characters of a region: on AWS those of a host name, elsewhere those that are
/// valid in the signature's scope.
pub(crate) fn is_region_name(name: &str, on_aws: bool) -> bool {
    let is_allowed = |byte: u8| match on_aws {
        true => byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-',
        false => byte.is_ascii_graphic() && byte != b'/',
    };
    name.bytes().all(is_allowed)
}

/// Determines the region to sign for. On AWS it becomes part of the host name; elsewhere it only has to be valid in the
/// signature's scope.
pub(super) fn region_for(
    own_endpoint: bool,
    region: Option<Setting<String>>,
    profile: &Profile,
) -> Result<Setting<String>> {
    let Some(region) = region else {
        if own_endpoint {
            return Ok(Setting::new(DEFAULT_REGION.to_owned(), "the default with a custom endpoint"));
        }
        let hint = "set region=NAME (for example region=eu-west-1), AWS_REGION, or region in the profile";
        let misread = profile.misread().map_or(String::new(), |line| format!("; {line}"));
        return Err(Error::usage("there is no region").with_hint(format!("{hint}{misread}")));
    };
    let quoted = is_quoted(&region.value);
    if !quoted && is_region_name(&region.value, !own_endpoint) {
        return if own_endpoint { Ok(region) } else { of_a_region(region) };
    }
    let shown: String = region.value.chars().filter(|c| !c.is_control()).take(100).collect();
    let message = format!("{} is not a region: {shown:?}", region.origin);
    let hint = if quoted { unquote(&region.origin) } else { "use a region name such as eu-west-1" };
    Err(unusable(&region, message, hint.to_owned()))
}

/// Rejects names that look like an AWS region but are not one.
fn of_a_region(region: Setting<String>) -> Result<Setting<String>> {
    let name = region.value.as_str();
    if name == "auto" {
        let hint = "set endpoint_url to the store's URL, or region to a region of AWS such as eu-west-1".to_owned();
        let message = format!("{} is auto, which AWS does not have, and there is no endpoint_url", region.origin);
        return Err(unusable(&region, message, hint));
    }
    match availability_zone(name) {
        Some(of) => {
            let hint = if of.is_empty() {
                "set the region that the zone is in, for example eu-west-1".to_owned()
            } else {
                format!("set region={of}")
            };
            Err(unusable(&region, format!("{} is an availability zone, not a region: {name}", region.origin), hint))
        }
        None => Ok(region),
    }
}

/// Returns the region of an availability zone (`eu-west-1` for `eu-west-1a` and `eu-west-1-lhr-1a`), an empty string if
/// only AWS knows it (`euw1-az1`), or `None` if the name is not a zone.
fn availability_zone(name: &str) -> Option<String> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = name.split('-').collect();
    let last = parts.last()?;
    if last.strip_prefix("az").is_some_and(is_number) {
        return Some(String::new());
    }
    let number = last.strip_suffix(|c: char| c.is_ascii_lowercase()).filter(|number| is_number(number))?;
    if parts.len() < 3 {
        return None;
    }
    let end = parts.iter().position(|part| is_number(part)).unwrap_or(parts.len() - 1);
    let digits = parts.get(end).filter(|part| is_number(part)).unwrap_or(&number);
    Some(parts.iter().take(end).chain([digits]).copied().collect::<Vec<_>>().join("-"))
}

fn unusable(region: &Setting<String>, message: String, hint: String) -> Error {
    setting_error(region.origin == REGION_ATTRIBUTE, message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn availability_zones_name_their_region() {
        for (zone, region) in [
            ("eu-west-1a", "eu-west-1"),
            ("us-gov-west-1b", "us-gov-west-1"),
            ("us-west-2-lax-1a", "us-west-2"),
            ("use1-az4", ""),
            ("usw2-lax1-az1", ""),
        ] {
            assert_eq!(availability_zone(zone).as_deref(), Some(region), "{zone}");
        }
        for region in ["eu-west-1", "us-gov-west-1", "fips-us-east-1", "us-gov-west-1-fips", "aws-global", "r", "1a"] {
            assert_eq!(availability_zone(region), None, "{region}");
        }
    }
}
