//! Step 4: the `Authorization` header.

use crate::base::Secret;
use crate::sigv4::canonical_request::{canonical_request, signed_headers};
use crate::sigv4::credentials::Credentials;
use crate::sigv4::request::{Signable, SignatureScope};
use crate::sigv4::signature::signature;
use crate::sigv4::string_to_sign::{Scope, string_to_sign};

/// Signs the request: adds `x-amz-date`, `x-amz-content-sha256`, the token and `authorization` to
/// `headers`, which must contain `host`; names are lower-case.
pub(crate) fn sign(
    headers: &mut Vec<(String, String)>,
    request: &Signable<'_>,
    keys: &Credentials,
    scope: SignatureScope<'_>,
) {
    let (token, scope) = (scope.token.header(), Scope::new(scope));
    headers.push(("x-amz-date".to_owned(), scope.timestamp().to_owned()));
    headers.push(("x-amz-content-sha256".to_owned(), request.payload_hash.to_owned()));
    if let Some(value) = &keys.session_token {
        headers.push((token.to_owned(), value.expose().to_owned()));
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
