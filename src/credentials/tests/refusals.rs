//! Hints for STS errors that go beyond the error code.

use super::server::sts_error;
use super::*;
use crate::base::Secret;
use crate::credentials::sts::{Action, Refusal};

#[test]
fn denials_of_sts_name_the_policy_that_decided() {
    for (message, parts) in [
        (
            "User: arn:aws:iam::1:user/ci is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::1:role/r",
            &["the role does not exist", "lacks sts:AssumeRole"][..],
        ),
        (
            "User: u is not authorized to perform: sts:AssumeRole on resource: r because no identity-based policy allows \
             the sts:AssumeRole action",
            &["allow sts:AssumeRole on the role in an identity-based policy"],
        ),
        (
            "User: u is not authorized to perform: sts:AssumeRole on resource: r with an explicit deny in a service \
             control policy",
            &["an explicit deny in a service control policy (SCP)", "sts:AssumeRole"],
        ),
        (
            "User: u is not authorized to perform: sts:TagSession on resource: r because no resource-based policy allows \
             the sts:TagSession action",
            &["allow sts:TagSession on the role in a resource-based policy (the role's trust policy)"],
        ),
    ] {
        let server = Server::start(move |_| sts_error(403, "AccessDenied", message));
        let config =
            "[profile ci]\nrole_arn=arn:aws:iam::1:role/r\naws_access_key_id=AKA\naws_secret_access_key=MARKED-s\n";
        let world = World::new(&[("AWS_PROFILE", "ci")]).at(&server).config(config);
        in_order(&world.error(), &[&["access", "AccessDenied"], parts].concat());
    }
}

#[test]
fn keys_that_sts_does_not_take_are_looked_at() {
    let hint = |id: &str, token: Option<&str>, region: &str, code: &str, message: &str| {
        let keys = Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::from("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: token.map(Secret::from),
            expires: None,
        };
        let signer = Some(&keys);
        let none = |_: &str| None;
        let action = Action { name: "AssumeRole", form: &[], signer, secrets: &[], transient: &[], hint: none };
        let refusal = Refusal { code: Some(code.to_owned()), message: Some(message.to_owned()) };
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

#[test]
fn swapped_keys_are_not_sent() {
    let (id, secret) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let environment = World::new(&[("AWS_ACCESS_KEY_ID", secret), ("AWS_SECRET_ACCESS_KEY", id)]);
    let file = World::new(&[]).config(&format!("[default]\naws_access_key_id={secret}\naws_secret_access_key={id}\n"));
    let attributes = World::new(&[]).options(|options| {
        options.access_key_id = Some(secret.to_owned());
        options.secret_access_key = Some(Secret::from(id));
    });
    for (world, origin) in [
        (environment, "the environment (AWS_ACCESS_KEY_ID)"),
        (file, "profile default"),
        (attributes, "the attributes access_key_id"),
    ] {
        let error = world.error();
        in_order(&error, &["access: ", origin, "swap the access key id and the secret access key"]);
        assert!(!error.contains("wJalr") && !error.contains("AKIAI"), "{error}");
    }
}
