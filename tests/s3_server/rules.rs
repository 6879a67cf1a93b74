//! The rules that every request must satisfy, each as strict as in the strictest store.

use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use super::clock::{apart, iso, parse_stamp};
use super::failure::{Failure, access_denied, invalid_argument, not_implemented};
use super::http::Head;
use super::presigned::check_presigned;
use super::route::Route;
use super::sigv4::{Authorization, Signed, canonical_request, malformed, signature};
use super::{Config, Credentials};

const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

/// The `x-amz-*` headers that all stores accept.
const KNOWN_AMZ: &[&str] = &[
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-copy-source-if-match",
    "x-amz-copy-source-range",
    "x-amz-date",
    "x-amz-expected-bucket-owner",
    "x-amz-metadata-directive",
    "x-amz-request-payer",
    "x-amz-security-token",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-source-expected-bucket-owner",
    "x-amz-storage-class",
];
/// Additional headers that a store with Object Lock accepts.
const CHECKSUMS: &[&str] = &["x-amz-checksum-algorithm", "x-amz-checksum-sha256"];
/// Those that directory buckets accept.
const EXPRESS: &[&str] = &["x-amz-create-session-mode", "x-amz-s3session-token"];

/// Returns the length of the body.
pub(crate) fn content_length(head: &Head) -> Result<u64, Failure> {
    let missing = || Failure::new(411, "MissingContentLength", "You must provide the Content-Length HTTP header.");
    let lengths: Vec<&str> =
        head.headers.iter().filter(|(name, _)| name == "content-length").map(|(_, value)| value.as_str()).collect();
    if head.header("transfer-encoding").is_some() {
        return Err(missing());
    }
    match (lengths.as_slice(), head.method.as_str()) {
        ([], "PUT" | "POST") => Err(missing()),
        ([], _) => Ok(0),
        ([one], _) => one.parse().map_err(|_| missing()),
        _ => Err(Failure::new(400, "InvalidRequest", "more than one Content-Length")),
    }
}

/// Checks the form of the request and its signature.
pub(crate) fn admit(
    head: &Head,
    route: &Route,
    config: &Config,
    credentials: &[Credentials],
    now: SystemTime,
) -> Result<(), Failure> {
    check_form(head, config)?;
    if route.param("X-Amz-Algorithm").is_some() {
        return check_presigned(head, route, config, credentials, now);
    }
    match head.header("authorization") {
        Some(value) => {
            check_signature(head, &Authorization::parse(value)?, config, credentials, now)?;
            check_accounts(head, config)
        }
        None if config.anonymous_read && matches!(head.method.as_str(), "GET" | "HEAD") => Ok(()),
        None => Err(access_denied().detail("Operation", &format!("{:?}", route.operation))),
    }
}

/// Checks the request payer and the expected bucket owner.
fn check_accounts(head: &Head, config: &Config) -> Result<(), Failure> {
    let pays = head.header("x-amz-request-payer") == Some("requester");
    let owners = ["x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"];
    let strange = owners.iter().filter_map(|name| head.header(name)).any(|owner| owner != config.owner);
    if strange || (config.requester_pays && !pays) { Err(access_denied()) } else { Ok(()) }
}

fn check_form(head: &Head, config: &Config) -> Result<(), Failure> {
    if head.headers.iter().filter(|(name, _)| name == "host").count() != 1 {
        return Err(Failure::new(400, "InvalidRequest", "exactly one Host header is needed"));
    }
    if matches!(head.method.as_str(), "GET" | "HEAD" | "DELETE") && content_length(head)? > 0 {
        return Err(Failure::new(400, "InvalidRequest", "this method has no body"));
    }
    for (name, value) in &head.headers {
        let known = KNOWN_AMZ.contains(&&**name)
            || (config.object_lock && CHECKSUMS.contains(&&**name))
            || (config.directory.is_some() && EXPRESS.contains(&&**name));
        let refused = name.starts_with("x-amz-") && !name.starts_with("x-amz-meta-") && !known
            || ["content-md5", "trailer"].contains(&name.as_str())
            || name == "content-encoding" && value.contains("aws-chunked")
            || name == "x-amz-content-sha256" && value.starts_with("STREAMING-");
        if refused {
            return Err(not_implemented(name));
        }
        if name.starts_with("amz-sdk-") {
            return Err(invalid_argument("a header of an SDK's own"));
        }
        if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(invalid_argument("a header value is not visible ASCII"));
        }
    }
    Ok(())
}

fn check_signature(
    head: &Head,
    authorization: &Authorization,
    config: &Config,
    credentials: &[Credentials],
    now: SystemTime,
) -> Result<(), Failure> {
    if authorization.service != config.service() {
        return Err(malformed("The authorization header is malformed; incorrect service"));
    }
    if authorization.region != config.region {
        let message = format!(
            "The authorization header is malformed; the region '{}' is wrong; expecting '{}'",
            authorization.region, config.region
        );
        return Err(malformed(&message).detail("Region", &config.region));
    }
    let secret = secret_of(head, authorization, credentials)?;
    let stamp = check_stamp(head, authorization, if config.any_time { None } else { Some(now) })?;
    check_signed_headers(head, authorization)?;
    let payload_hash = payload_hash(head, config)?;
    let request = Signed {
        method: &head.method,
        path: &head.path,
        query: &head.query,
        headers: &through_the_front_end(&head.headers),
        signed: &authorization.signed,
        payload_hash,
    };
    let canonical = canonical_request(&request);
    let good = canonical.as_ref().is_some_and(|canonical| {
        signature(&secret, stamp, (&authorization.region, &authorization.service), canonical) == authorization.signature
    });
    if good {
        return Ok(());
    }
    let message = "The request signature we calculated does not match the signature you provided.";
    Err(Failure::new(403, "SignatureDoesNotMatch", message)
        .detail("AWSAccessKeyId", &authorization.key_id)
        .detail("SignatureProvided", &authorization.signature)
        .detail("CanonicalRequest", &canonical.unwrap_or_default()))
}

/// Google's front end changes Accept-Encoding before the signature is checked.
fn through_the_front_end(headers: &[(String, String)]) -> Vec<(String, String)> {
    let rewrite = |(name, value): &(String, String)| match name.as_str() {
        "accept-encoding" => (name.clone(), format!("{value},gzip(gfe)")),
        _ => (name.clone(), value.clone()),
    };
    headers.iter().map(rewrite).collect()
}

/// The first credentials are valid, the others have expired.
fn secret_of(head: &Head, authorization: &Authorization, credentials: &[Credentials]) -> Result<String, Failure> {
    let token = head.header("x-amz-s3session-token").or(head.header("x-amz-security-token"));
    let (current, expired) = credentials.split_first().unwrap();
    if expired.iter().any(|old| old.access_key_id == authorization.key_id && old.session_token.as_deref() == token) {
        return Err(Failure::new(400, "ExpiredToken", "The provided token has expired."));
    }
    let unknown = || {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        Failure::new(403, "InvalidAccessKeyId", message).detail("AWSAccessKeyId", &authorization.key_id)
    };
    if authorization.key_id != current.access_key_id {
        return Err(unknown());
    }
    match (&current.session_token, token) {
        (None, None) => {}
        (Some(_), None) => return Err(unknown()),
        (Some(expected), Some(sent)) if expected == sent => {}
        _ => return Err(Failure::new(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")),
    }
    Ok(current.secret_access_key.clone())
}

fn check_stamp<'a>(head: &'a Head, authorization: &Authorization, now: Option<SystemTime>) -> Result<&'a str, Failure> {
    let no_date = || Failure::new(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header");
    let stamp = head.header("x-amz-date").ok_or_else(no_date)?;
    let time = parse_stamp(stamp).ok_or_else(no_date)?;
    if !stamp.starts_with(&authorization.date) || authorization.date.len() != 8 {
        return Err(malformed("The date of the credential scope is not that of the request."));
    }
    if let Some(now) = now.filter(|now| apart(time, *now) > MAX_SKEW) {
        let message = "The difference between the request time and the current time is too large.";
        return Err(Failure::new(403, "RequestTimeTooSkewed", message)
            .detail("RequestTime", stamp)
            .detail("ServerTime", &iso(now))
            .detail("MaxAllowedSkewMilliseconds", "900000"));
    }
    Ok(stamp)
}

fn check_signed_headers(head: &Head, authorization: &Authorization) -> Result<(), Failure> {
    let signed = |name: &str| authorization.signed.iter().any(|have| have == name);
    // Conditions of writes must be signed; those of reads may be.
    let writes = !matches!(head.method.as_str(), "GET" | "HEAD");
    let must_be = |name: &str| {
        ["host", "content-type"].contains(&name)
            || name.starts_with("x-amz-")
            || writes && ["if-match", "if-none-match"].contains(&name)
    };
    let unsigned = head.headers.iter().find(|(name, _)| must_be(name) && !signed(name));
    match unsigned {
        None => Ok(()),
        Some((name, _)) => {
            let message = "There were headers present in the request which were not signed";
            Err(Failure::new(400, "AccessDenied", message).detail("HeadersNotSigned", name))
        }
    }
}

fn payload_hash<'a>(head: &'a Head, config: &Config) -> Result<&'a str, Failure> {
    let hash = head.header("x-amz-content-sha256").ok_or_else(|| {
        Failure::new(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    })?;
    let hex = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if hex || config.unsigned_payload && hash == "UNSIGNED-PAYLOAD" {
        return Ok(hash);
    }
    Err(invalid_argument("x-amz-content-sha256 must be a valid sha256 value."))
}

/// Checks the body against the signed hash.
pub(crate) fn check_payload(head: &Head, config: &Config, body: &[u8]) -> Result<(), Failure> {
    let Some(announced) = head.header("x-amz-content-sha256") else { return Ok(()) };
    let computed = hex::encode(Sha256::digest(body));
    if !config.checks_payload || announced == "UNSIGNED-PAYLOAD" || announced == computed {
        return Ok(());
    }
    let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
    Err(Failure::new(400, "XAmzContentSHA256Mismatch", message)
        .detail("ClientComputedContentSHA256", announced)
        .detail("S3ComputedContentSHA256", &computed))
}
