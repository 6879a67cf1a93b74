//! AWS Signature Version 4 in the `Authorization` header, for S3 and STS.
//!
//! Pure: the time is an argument. What is signed is what is sent: path and query must be encoded, and every given
//! header is signed. Headers that a proxy may change (`accept-encoding`, `user-agent`, `expect`, `content-length`) must
//! be added to the request afterwards.
//!
//! The steps and their names follow AWS's "Create a signed AWS API request".

mod canonical_request;
mod credentials;
mod signature;
mod string_to_sign;

use crate::base::Secret;
use canonical_request::{canonical_request, signed_headers};
use signature::signature;
use string_to_sign::{Scope, string_to_sign};

pub(crate) use canonical_request::{Signable, canonical_query};
pub use credentials::Credentials;
pub(crate) use string_to_sign::SigningScope;

/// The payload hash of a request without a body.
pub(crate) const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Signs the request: adds `x-amz-date`, `x-amz-content-sha256`, `x-amz-security-token` and `authorization` to
/// `headers`, which must contain `host`; names are lower-case.
pub(crate) fn sign(
    headers: &mut Vec<(String, String)>,
    request: &Signable<'_>,
    keys: &Credentials,
    scope: SigningScope<'_>,
) {
    let scope = Scope::new(scope);
    headers.push(("x-amz-date".to_owned(), scope.timestamp().to_owned()));
    headers.push(("x-amz-content-sha256".to_owned(), request.payload_hash.to_owned()));
    if let Some(token) = &keys.session_token {
        headers.push(("x-amz-security-token".to_owned(), token.expose().to_owned()));
    }
    let authorization = authorization(headers, request, keys, &scope);
    headers.push(("authorization".to_owned(), authorization));
}

/// Returns the signature in signed `headers`, which must not be shown.
pub(crate) fn signature_of(headers: &[(String, String)]) -> Option<Secret> {
    let (_, value) = headers.iter().find(|(name, _)| name == "authorization")?;
    value.rsplit_once("Signature=").map(|(_, signature)| Secret::from(signature))
}

fn authorization(
    headers: &[(String, String)],
    request: &Signable<'_>,
    keys: &Credentials,
    scope: &Scope<'_>,
) -> String {
    let canonical = canonical_request(headers, request);
    let signature = signature(&keys.secret_access_key, scope, &string_to_sign(scope, &canonical));
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={signature}",
        keys.access_key_id,
        scope.text(),
        signed_headers(headers),
    )
}

#[cfg(test)]
mod tests;
