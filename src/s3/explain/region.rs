//! The fix for a refusal because of the region. A region is suggested only if the response names one.

use crate::aws::region_of_zone;
use crate::s3::endpoint::Endpoint;
use crate::s3::explain::refusal::Refusal;

/// The fix if the response names the region of the bucket.
pub(super) fn hint(refusal: &Refusal<'_>) -> Option<String> {
    let (given, origin) = refusal.region;
    let region = refusal.answer.region.as_deref().filter(|region| *region != given)?;
    Some(format!("the bucket is in region {region}, not {given}: set region={region} ({given} comes from {origin})"))
}

/// The fix if the bucket is in a zone of another region.
pub(super) fn zone_hint(endpoint: &Endpoint) -> Option<String> {
    let (zone, region) = (endpoint.zone()?, &endpoint.region);
    let known = region_of_zone(zone).filter(|known| known != region)?;
    Some(format!("zone {zone} of the bucket is in region {known}, not {region}: set region={known}"))
}

/// The fix if the response quotes the region, or the scope of the signature, of which only the region can be wrong.
pub(super) fn scope_hint(refusal: &Refusal<'_>) -> Option<String> {
    let (given, origin) = refusal.region;
    let message = refusal.message();
    (message.contains("unexpected scope") || message.contains("the region")).then(|| {
        format!(
            "the store does not accept region {given}, which comes from {origin}: set region to the one it is \
             configured with, such as region=garage"
        )
    })
}

/// The fix if the store has no region with this name.
pub(super) fn unknown_hint(refusal: &Refusal<'_>) -> Option<String> {
    if !refusal.answer.has_code(&["InvalidRegionName", "InvalidRegion"]) {
        return None;
    }
    let (given, origin) = refusal.region;
    let names_auto = refusal.message().split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "auto");
    let fix = if names_auto || refusal.endpoint.host.ends_with(".r2.cloudflarestorage.com") {
        "set region=auto"
    } else {
        "set region to one that it has"
    };
    Some(format!("the store has no region {given}, which comes from {origin}: {fix}"))
}
