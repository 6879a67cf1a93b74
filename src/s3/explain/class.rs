//! Classifies refusals.

use crate::base::S3ErrorClass;
use crate::s3::answer::Answer;

/// Codes for keys, tokens and signatures that the store does not accept: it refuses every request that is signed with
/// them.
const KEY_CODES: &[&str] = &[
    "AccountProblem",
    "AuthorizationHeaderMalformed",
    "CredentialsNotSupported",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidSignatureException",
    "InvalidToken",
    "InvalidTokenId",
    "NotSignedUp",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];
/// Codes for missing permissions.
const PERMISSION_CODES: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "KMS.AccessDeniedException",
    "MissingAuthenticationToken",
    "UnauthorizedAccess",
    "UnsupportedAlgorithm",
];
const CORRUPT_CODES: &[&str] = &["BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch"];

pub(super) fn of(answer: &Answer) -> S3ErrorClass {
    if is_quota(answer) && answer.status < 500 {
        return S3ErrorClass::Refused;
    }
    if answer.is_archived() {
        return S3ErrorClass::Archived;
    }
    if answer.status == 416 {
        return S3ErrorClass::InvalidRange;
    }
    if answer.status == 412 || answer.has_code(&["PreconditionFailed"]) {
        return S3ErrorClass::PreconditionFailed;
    }
    if refuses_keys(answer) || answer.has_code(PERMISSION_CODES) || is_about_the_key_id(answer) {
        return S3ErrorClass::Access;
    }
    if answer.has_code(CORRUPT_CODES) {
        return S3ErrorClass::Corrupt;
    }
    if answer.has_code(&["NoSuchBucket"]) {
        return S3ErrorClass::NoSuchBucket;
    }
    if answer.is_throttled() {
        return S3ErrorClass::Throttled;
    }
    // A gateway's error page (5xx or 413) is classified by its status.
    if answer.foreign && answer.status < 500 && answer.status != 413 {
        return S3ErrorClass::NotS3;
    }
    match answer.status {
        401 | 403 => S3ErrorClass::Access,
        404 if answer.is_not_found() => S3ErrorClass::NotFound,
        409 => S3ErrorClass::Conflict,
        405 | 501 if !answer.foreign => S3ErrorClass::Unsupported,
        200..300 | 500.. => S3ErrorClass::Server,
        _ => S3ErrorClass::Refused,
    }
}

/// Returns whether the store refuses every request that is signed with these keys, whatever the status.
pub(in crate::s3) fn refuses_keys(answer: &Answer) -> bool {
    answer.has_code(KEY_CODES)
}

/// Returns whether the store is full, or the quota of the bucket or the user is used up: Ceph answers `QuotaExceeded`,
/// MinIO `XMinioAdminBucketQuotaExceeded` or `XMinioStorageFull`.
pub(super) fn is_quota(answer: &Answer) -> bool {
    let code = answer.code.as_deref().unwrap_or_default();
    let named = ["QuotaExceeded", "StorageFull", "InsufficientStorage"].iter().any(|word| code.contains(word));
    // Garage uses AccessDenied for everything: `Forbidden: Bucket size quota is reached`.
    let told = || answer.message.as_deref().is_some_and(|message| message.contains("quota is reached"));
    answer.status == 507 || (named && answer.status != 429) || (answer.status == 403 && told())
}

/// Returns whether the refusal is about the access key ID. R2 answers `InvalidArgument: Credential access key has
/// length 20, should be 32`.
pub(super) fn is_about_the_key_id(answer: &Answer) -> bool {
    let message = answer.message.as_deref().unwrap_or_default().to_ascii_lowercase();
    answer.has_code(&["InvalidArgument"]) && message.contains("access key")
}
