//! Step 4, for URLs: the signature in the query.

use std::time::Duration;

use crate::sigv4::canonical_request::{canonical_query, canonical_request};
use crate::sigv4::credentials::Credentials;
use crate::sigv4::request::{Signable, SignatureScope, UNSIGNED_PAYLOAD};
use crate::sigv4::signature::signature;
use crate::sigv4::string_to_sign::{Scope, string_to_sign};

/// Returns the signed query of a GET request for `path` at `host`, including `parameters`. It is valid for a number of
/// whole seconds. Anyone who has it can send the request.
pub(crate) fn presigned_query(
    (host, path): (&str, &str),
    parameters: &[(&str, &str)],
    keys: &Credentials,
    scope: SignatureScope<'_>,
    valid_for: Duration,
) -> String {
    let (token, scope) = (scope.token.parameter(), Scope::new(scope));
    let (credential, seconds) = (format!("{}/{}", keys.access_key_id, scope.text()), valid_for.as_secs().to_string());
    let mut pairs = vec![
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", scope.timestamp()),
        ("X-Amz-Expires", &seconds),
        ("X-Amz-SignedHeaders", "host"),
    ];
    pairs.extend(keys.session_token.as_ref().map(|value| (token, value.expose())));
    pairs.extend(parameters);
    let query = canonical_query(&pairs);
    let request = Signable { method: "GET", path, query: &query, payload_hash: UNSIGNED_PAYLOAD };
    let canonical = canonical_request(&[("host".to_owned(), host.to_owned())], &request);
    let signature = signature(&keys.secret_access_key, &scope, &string_to_sign(&scope, &canonical));
    format!("{query}&X-Amz-Signature={signature}")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::base::Secret;
    use crate::sigv4::request::Token;

    fn query(token: Option<&Secret>, parameters: &[(&str, &str)]) -> String {
        let keys = Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: Secret::from("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session_token: token.cloned(),
            expires: None,
        };
        let time = datetime!(2013-05-24 00:00:00 UTC).into();
        let scope = SignatureScope { region: "us-east-1", service: "s3", time, token: Token::Security };
        let target = ("examplebucket.s3.amazonaws.com", "/test.txt");
        presigned_query(target, parameters, &keys, scope, Duration::from_secs(86_400))
    }

    /// From AWS's "Authenticating Requests: Using Query Parameters".
    #[test]
    fn the_published_example_has_its_signature() {
        assert_eq!(
            query(None, &[]),
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F\
             aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=\
             aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn tokens_and_parameters_are_part_of_the_query() {
        let query = query(Some(&Secret::from("to/ken+")), &[("x-amz-request-payer", "requester")]);
        assert!(query.contains("&X-Amz-Security-Token=to%2Fken%2B&"), "{query}");
        assert!(!query.contains("S3session"), "{query}");
        assert!(query.contains("&x-amz-request-payer=requester&X-Amz-Signature="), "{query}");
    }
}
