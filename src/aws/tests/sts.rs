use crate::aws::sts::{StsAction, StsRefusal};
use crate::base::Secret;
use crate::sigv4::Credentials;

#[test]
fn hints_name_the_mistake_in_keys_that_sts_rejects() {
    let hint = |id: &str, token: Option<&str>, region: &str, code: &str, message: &str| {
        let keys = Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::from("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: token.map(Secret::from),
            expires: None,
        };
        let signer = Some(&keys);
        let none = |_: &str| None;
        let action = StsAction { name: "AssumeRole", form: &[], signer, secrets: &[], transient: &[], hint: none };
        let refusal = StsRefusal { code: Some(code.to_owned()), message: Some(message.to_owned()) };
        refusal.hint(&action, region).unwrap_or_default()
    };
    let (id, secret) = ("ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let invalid = "The security token included in the request is invalid";
    for (id, token, region, code, message, part) in [
        (id, Some("t"), "eu-south-1", "InvalidClientTokenId", invalid, "AWS_STS_REGIONAL_ENDPOINTS=regional"),
        (id, Some("t"), "eu-west-1", "InvalidClientTokenId", invalid, ""),
        (id, None, "eu-west-1", "InvalidClientTokenId", invalid, "need a session token"),
        (secret, None, "eu-west-1", "InvalidClientTokenId", invalid, "swapped"),
        ("'AKIA'", None, "eu-west-1", "IncompleteSignature", "not a valid key=value pair", "remove the quotes"),
        (
            id,
            Some("t"),
            "auto",
            "SignatureDoesNotMatch",
            "Credential should be scoped to a valid region, not 'auto'.",
            "STS has no region auto",
        ),
        (id, Some("t"), "eu-west-1", "ExpiredToken", "", ""),
    ] {
        let hint = hint(id, token, region, code, message);
        assert!(if part.is_empty() { hint.is_empty() } else { hint.contains(part) }, "{code}: {hint}");
    }
}
