//! The fix for refusals that concern neither credentials nor the existence of the bucket.

use crate::base::shown_url;
use crate::s3::explain::refusal::Refusal;
use crate::s3::explain::{class, region};

pub(super) const FULL: &str = "the store is full, or a quota is used up: free some space there, or raise the quota";

/// The switch for stores and policies that want a signed hash.
pub(super) const SIGN_PARTS: &str = "set payload_signing=true";

pub(super) fn hint(refusal: &Refusal<'_>) -> Option<String> {
    let answer = refusal.answer;
    if class::is_quota(answer) {
        return Some(FULL.to_owned());
    }
    if matches!(answer.status, 301 | 302 | 307 | 308) || answer.has_code(&["PermanentRedirect"]) {
        return Some(region::hint(refusal).unwrap_or_else(|| redirect_hint(refusal)));
    }
    Some(match (answer.status, refusal.code()) {
        (_, "IllegalLocationConstraintException") => region::hint(refusal).unwrap_or_else(|| {
            format!("the bucket is not at {}, but at another location: check endpoint_url", refusal.endpoint.url())
        }),
        (_, "InvalidObjectState") => {
            "the object is archived: restore it (aws s3api restore-object), or export the cache again".to_owned()
        }
        (_, "InvalidRequest") if refusal.message().contains("Acceleration") => format!(
            "switch transfer acceleration on for the bucket (aws s3api put-bucket-accelerate-configuration --bucket {} \
             --accelerate-configuration Status=Enabled), or set use_accelerate_endpoint=false",
            refusal.bucket
        ),
        (_, "SecondLevelDomainForbidden") => "set use_path_style=false, which this store requires".to_owned(),
        (_, "EntityTooSmall" | "InvalidPart" | "InvalidPartOrder") => {
            "the store rejects the parts as they were uploaded: report it with the store's name and version".to_owned()
        }
        (_, "NoSuchUpload") => {
            "the upload was aborted, perhaps by a lifecycle rule of the bucket: run the command again".to_owned()
        }
        _ if answer.wants_checksum() => {
            "the store requires Content-MD5, which is not supported: use a bucket without a default retention (Object \
             Lock)"
                .to_owned()
        }
        (_, "EntityTooLarge") => "the object is larger than the store allows".to_owned(),
        (_, "InvalidBucketName") => {
            format!("{} is not a name that the store accepts: check bucket", refusal.bucket)
        }
        (_, "InvalidStorageClass") => "set storage_class to one that the store has, or leave it out".to_owned(),
        (413, _) => "a proxy refuses large bodies: raise its limit (nginx: client_max_body_size)".to_owned(),
        (404, _) if !refusal.on_object => format!(
            "{} treats the bucket as an object: check bucket, and whether endpoint_url already contains it",
            refusal.endpoint.url()
        ),
        (405, _) => format!(
            "{} does not allow the operation: check that endpoint_url is the S3 API, not a website or a console",
            refusal.endpoint.url()
        ),
        _ => return region::unknown_hint(refusal).or_else(|| region::hint(refusal)),
    })
}

fn redirect_hint(refusal: &Refusal<'_>) -> String {
    let url = refusal.endpoint.url();
    match (&refusal.answer.location, &refusal.answer.region) {
        (_, Some(region)) => {
            format!("{url} redirects to region {region}, which the request was signed for already: check endpoint_url")
        }
        (Some(location), None) => format!("the server redirects to {}: check endpoint_url", shown_url(location)),
        (None, None) => format!("{url} redirects without a target: check endpoint_url and bucket"),
    }
}

/// The fix if the store does not accept a body without a signed hash.
pub(super) fn unsigned(refusal: &Refusal<'_>) -> Option<String> {
    let message = refusal.message().to_ascii_lowercase();
    let named = ["unsigned-payload", "content-sha256"].iter().any(|name| message.contains(name));
    (refusal.unsigned && (named || refusal.answer.has_code(&["XAmzContentSHA256Mismatch", "InvalidRequest"])))
        .then(|| format!("the store does not accept UNSIGNED-PAYLOAD: {SIGN_PARTS}"))
}

/// The fix if the store does not support what the attributes request.
pub(super) fn unsupported(refusal: &Refusal<'_>) -> Option<String> {
    if refusal.answer.status != 501 && !refusal.answer.has_code(&["NotImplemented"]) {
        return None;
    }
    let attributes: Vec<&str> = [
        ("x-amz-storage-class", "storage_class"),
        ("x-amz-server-side-encryption", "server_side_encryption"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "sse_kms_key_id"),
    ]
    .into_iter()
    .filter(|(header, _)| refusal.written(header).is_some())
    .map(|(_, attribute)| attribute)
    .collect();
    Some(if attributes.is_empty() {
        let condition = refusal.condition.map(|name| format!(" with {name}")).unwrap_or_default();
        format!("the store does not support {}{condition}", refusal.operation)
    } else {
        format!("the store may not support {}: leave it out", attributes.join(" and "))
    })
}
