//! Hints for STS errors that go beyond the error code.

use super::server::sts_error;
use super::{Find as _, Server};
use crate::aws::tests::{World, in_order};

#[test]
fn sts_denials_name_the_deciding_policy() {
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
fn swapped_keys_are_not_sent() {
    let (id, secret) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let environment = World::new(&[("AWS_ACCESS_KEY_ID", secret), ("AWS_SECRET_ACCESS_KEY", id)]);
    let file = World::new(&[]).config(&format!("[default]\naws_access_key_id={secret}\naws_secret_access_key={id}\n"));
    let attributes = World::new(&[]).attributes(&[("access_key_id", secret), ("secret_access_key", id)]);
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
