//! The error codes by which services ask for fewer requests.

/// Those of AWS's SDKs for all services, and those of S3-compatible stores.
const CODES: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "SlowDownRead",
    "SlowDownWrite",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Returns whether a service sends this code to ask for fewer requests.
pub(crate) fn is_throttling(code: &str) -> bool {
    // S3 passes on what AWS KMS returns: `KMS.ThrottlingException`.
    CODES.contains(&code.strip_prefix("KMS.").unwrap_or(code))
}
