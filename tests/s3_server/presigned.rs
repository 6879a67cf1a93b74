//! Requests whose signature is in the query: "Authenticating Requests: Using Query Parameters".

use std::time::{Duration, SystemTime};

use super::clock::parse_stamp;
use super::failure::Failure;
use super::http::Head;
use super::route::Route;
use super::sigv4::{Signed, canonical_request, signature};
use super::{Config, Credentials};

/// Seven days.
const MAX_EXPIRES: u64 = 604_800;
/// A signature from further in the future is refused.
const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

/// Checks a request with `X-Amz-Algorithm` in its query.
pub(crate) fn check_presigned(
    head: &Head,
    route: &Route,
    config: &Config,
    credentials: &[Credentials],
    now: SystemTime,
) -> Result<(), Failure> {
    let wrong = |message: &str| Failure::new(400, "AuthorizationQueryParametersError", message);
    let param = |name: &str| route.param(name).ok_or_else(|| wrong(&format!("{name} is missing")));
    if head.header("authorization").is_some() {
        let message = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query \
                       string parameter or the Authorization header should be specified";
        return Err(Failure::new(400, "InvalidArgument", message));
    }
    if param("X-Amz-Algorithm")? != "AWS4-HMAC-SHA256" {
        return Err(wrong("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
    }
    let stamp = param("X-Amz-Date")?;
    let signed_at = parse_stamp(stamp).ok_or_else(|| wrong("X-Amz-Date must be in the ISO8601 Long Format"))?;
    let expires: u64 = param("X-Amz-Expires")?.parse().map_err(|_| wrong("X-Amz-Expires should be a number"))?;
    if !(1..=MAX_EXPIRES).contains(&expires) {
        return Err(wrong("X-Amz-Expires must be less than a week (in seconds); and greater than zero"));
    }
    let credentials = credentials.first().unwrap();
    let service = config.service();
    let scope = format!("{}/{}/{}/{service}/aws4_request", credentials.access_key_id, &stamp[..8], config.region);
    if param("X-Amz-Credential")? != scope {
        return Err(wrong("Error parsing the X-Amz-Credential parameter"));
    }
    let token = route.param("X-Amz-S3session-Token").or(route.param("X-Amz-Security-Token"));
    if token != credentials.session_token.as_deref() {
        return Err(Failure::new(400, "InvalidToken", "The provided token is malformed or otherwise invalid."));
    }
    let signed: Vec<String> = param("X-Amz-SignedHeaders")?.split(';').map(str::to_owned).collect();
    if !signed.iter().any(|name| name == "host") || signed.iter().any(|name| head.header(name).is_none()) {
        return Err(Failure::new(
            403,
            "AccessDenied",
            "There were headers present in the request which were not signed",
        ));
    }
    if now > signed_at + Duration::from_secs(expires) {
        return Err(Failure::new(403, "AccessDenied", "Request has expired"));
    }
    if signed_at > now + MAX_SKEW {
        return Err(Failure::new(403, "AccessDenied", "Request is not yet valid"));
    }
    let query: Vec<&str> = head.query.split('&').filter(|pair| !pair.starts_with("X-Amz-Signature=")).collect();
    let canonical = canonical_request(&Signed {
        method: &head.method,
        path: &head.path,
        query: &query.join("&"),
        headers: &head.headers,
        signed: &signed,
        payload_hash: "UNSIGNED-PAYLOAD",
    });
    let expected =
        canonical.map(|text| signature(&credentials.secret_access_key, stamp, (&config.region, service), &text));
    if expected.as_deref() == Some(param("X-Amz-Signature")?) {
        return Ok(());
    }
    let message = "The request signature we calculated does not match the signature you provided.";
    Err(Failure::new(403, "SignatureDoesNotMatch", message))
}
