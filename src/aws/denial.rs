//! Parses the reason for an authorization failure from AWS's error message.

/// An access denial by an AWS service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Denial {
    /// The action, such as `s3:PutObject`, if the message names it.
    pub(crate) action: Option<String>,
    /// The reason for the denial.
    pub(crate) reason: DenialReason,
}

/// The reason that an action is not authorized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DenialReason {
    /// An explicit deny, which no allow overrides, in a policy of this kind if the message names the kind.
    Denied(Option<PolicyKind>),
    /// No policy of this kind allows the action.
    NotAllowed(Option<PolicyKind>),
    /// The policy that allows the action is public, and the bucket blocks public access.
    PublicBlocked,
}

/// A kind of policy, in the terms of AWS's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PolicyKind {
    Identity,
    Resource,
    ServiceControl,
    ResourceControl,
    Boundary,
    Session,
    VpcEndpoint,
}

const POLICIES: &[(&str, PolicyKind)] = &[
    ("identity-based", PolicyKind::Identity),
    ("resource-based", PolicyKind::Resource),
    ("service control", PolicyKind::ServiceControl),
    ("resource control", PolicyKind::ResourceControl),
    ("permissions boundary", PolicyKind::Boundary),
    ("session policy", PolicyKind::Session),
    ("vpc endpoint", PolicyKind::VpcEndpoint),
];
const EXPLICIT: &str = "explicit deny";
/// Only actions of services that a cache uses are shown, because the name comes from the server.
const SERVICES: &[&str] = &["s3", "s3express", "kms", "sts"];
/// AWS's longest action names have about 50 bytes.
const MAX_ACTION_BYTES: usize = 64;

impl Denial {
    /// Parses a message such as `User: arn:… is not authorized to perform: s3:PutObject on resource: "arn:…" with an
    /// explicit deny in a resource-based policy`. Returns `None` if it gives no reason.
    pub(crate) fn read(message: &str) -> Option<Self> {
        let lower = message.to_ascii_lowercase();
        let action = action(message, &lower);
        if lower.contains("block public access setting") {
            return Some(Self { action, reason: DenialReason::PublicBlocked });
        }
        // The names of users and resources, which are arbitrary, precede the reason.
        let policy = |at: Option<usize>| {
            let words = at.and_then(|at| lower.get(at..))?;
            let found = POLICIES.iter().filter_map(|(name, policy)| Some((words.find(name)?, *policy)));
            found.min_by_key(|(at, _)| *at).map(|(_, policy)| policy)
        };
        let explicit = lower.rfind(EXPLICIT);
        if explicit.is_some() {
            return Some(Self { action, reason: DenialReason::Denied(policy(explicit)) });
        }
        action.is_some().then(|| Self { action, reason: DenialReason::NotAllowed(policy(lower.rfind("because no "))) })
    }

    /// Returns the likely fix; `default` is the action to assume if the message names none.
    pub(crate) fn hint(&self, default: &str) -> String {
        let action = self.action.as_deref().unwrap_or(default);
        match self.reason {
            DenialReason::Denied(policy) => format!(
                "an explicit deny in {} forbids {action}, and no allow overrides it: change that policy, or meet its \
                 conditions",
                policy.map_or_else(|| "a policy".to_owned(), |policy| policy.name(action))
            ),
            DenialReason::PublicBlocked => {
                format!("the bucket blocks public access: use credentials whose own policies authorize {action}")
            }
            DenialReason::NotAllowed(None) => format!("allow {action} on {}", target(action)),
            DenialReason::NotAllowed(Some(policy @ (PolicyKind::Identity | PolicyKind::Resource))) => {
                format!("allow {action} on {} in {}", target(action), policy.name(action))
            }
            DenialReason::NotAllowed(Some(policy)) => {
                format!("allow {action} in {} too: it limits what other policies allow", policy.name(action))
            }
        }
    }
}

impl PolicyKind {
    /// Returns AWS's name for the policy and what it means for this action.
    fn name(self, action: &str) -> String {
        match self {
            Self::Identity => "an identity-based policy (one of the user or role)".to_owned(),
            Self::Resource => {
                let which = match action.split(':').next() {
                    Some("kms") => "the key policy",
                    Some("sts") => "the role's trust policy",
                    _ => "the bucket policy",
                };
                format!("a resource-based policy ({which})")
            }
            Self::ServiceControl => "a service control policy (SCP) of the organization".to_owned(),
            Self::ResourceControl => "a resource control policy (RCP) of the organization".to_owned(),
            Self::Boundary => "the permissions boundary of the user or role".to_owned(),
            Self::Session => "the session policy that the role was assumed with".to_owned(),
            Self::VpcEndpoint => "the VPC endpoint policy".to_owned(),
        }
    }
}

/// Returns what the action applies to.
fn target(action: &str) -> &'static str {
    match action.split_once(':') {
        Some(("kms", _)) => "the KMS key",
        Some(("sts", _)) => "the role",
        Some(("s3express", _)) => "the bucket",
        Some((_, name)) if name.contains("Bucket") => "the bucket",
        _ => "the object",
    }
}

/// Returns the action in `is not authorized to perform: s3:PutObject on resource: …`.
fn action(message: &str, lower: &str) -> Option<String> {
    const BEFORE: &str = "authorized to perform";
    let after = message.get(lower.find(BEFORE)? + BEFORE.len()..)?.trim_start_matches([':', ' ']);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == ':';
    let action = after.split(|c| !is_part(c)).next().filter(|action| action.len() <= MAX_ACTION_BYTES)?;
    let (service, name) = action.split_once(':')?;
    (SERVICES.contains(&service) && !name.is_empty() && !name.contains(':')).then(|| action.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "User: arn:aws:sts::111122223333:assumed-role/session-policy/b is not authorized to perform:";

    #[test]
    fn aws_messages_name_the_action_and_the_deciding_policy() {
        use DenialReason::{Denied, NotAllowed, PublicBlocked};
        use PolicyKind::{Boundary, Identity, Resource, ResourceControl, ServiceControl, Session, VpcEndpoint};
        for (rest, action, reason) in [
            (
                "s3:PutObject on resource: \"arn:aws:s3:::c/k\" because no identity-based policy allows the s3:PutObject \
                 action",
                "s3:PutObject",
                NotAllowed(Some(Identity)),
            ),
            (
                "s3:GetObject on resource: \"x\" because no resource-based policy allows the s3:GetObject action",
                "s3:GetObject",
                NotAllowed(Some(Resource)),
            ),
            (
                "s3:GetObject because no service control policy allows the s3:GetObject action",
                "s3:GetObject",
                NotAllowed(Some(ServiceControl)),
            ),
            (
                "s3:GetObject on resource: \"x\" because no VPC endpoint policy allows the s3:GetObject action",
                "s3:GetObject",
                NotAllowed(Some(VpcEndpoint)),
            ),
            (
                "s3:ListBucket because no permissions boundary allows the s3:ListBucket action",
                "s3:ListBucket",
                NotAllowed(Some(Boundary)),
            ),
            (
                "s3:ListBucket because no session policy allows the s3:ListBucket action",
                "s3:ListBucket",
                NotAllowed(Some(Session)),
            ),
            ("s3:PutObject with an explicit deny in a resource-based policy", "s3:PutObject", Denied(Some(Resource))),
            (
                "s3:PutObject on resource: \"x\" with an explicit deny in a service control policy: arn:aws:x:policy/p",
                "s3:PutObject",
                Denied(Some(ServiceControl)),
            ),
            (
                "s3:PutObject with an explicit deny in a resource control policy",
                "s3:PutObject",
                Denied(Some(ResourceControl)),
            ),
            ("s3:GetObject with an explicit deny in a VPC endpoint policy", "s3:GetObject", Denied(Some(VpcEndpoint))),
            ("s3:GetObject with an explicit deny in an identity-based policy", "s3:GetObject", Denied(Some(Identity))),
            ("s3:GetObject with an explicit deny in a permissions boundary", "s3:GetObject", Denied(Some(Boundary))),
            ("s3:GetObject with an explicit deny in a session policy", "s3:GetObject", Denied(Some(Session))),
            ("s3:GetObject on resource: \"x\" with an explicit deny", "s3:GetObject", Denied(None)),
            ("sts:AssumeRole on resource: arn:aws:iam::1:role/r", "sts:AssumeRole", NotAllowed(None)),
            (
                "kms:GenerateDataKey on resource: arn:aws:kms:x because the resource does not exist in this Region, no \
                 resource-based policies allow access, or a resource-based policy explicitly denies access",
                "kms:GenerateDataKey",
                NotAllowed(None),
            ),
            (
                "s3:GetObject on resource: \"x\" because public policies are blocked by the BlockPublicPolicy block \
                 public access setting",
                "s3:GetObject",
                PublicBlocked,
            ),
        ] {
            let denial = Denial::read(&format!("{USER} {rest}")).unwrap();
            assert_eq!((denial.action.as_deref(), denial.reason), (Some(action), reason), "{rest}");
            let hint = denial.hint("s3:Other");
            assert!(hint.contains(action), "{hint}");
            assert_eq!(hint.starts_with("allow "), matches!(reason, NotAllowed(_)), "{hint}");
        }
        let web = Denial::read("Not authorized to perform sts:AssumeRoleWithWebIdentity").unwrap();
        assert_eq!(web.action.as_deref(), Some("sts:AssumeRoleWithWebIdentity"));
        let unnamed = Denial::read("Access denied with an explicit deny in a session policy").unwrap();
        assert!(unnamed.hint("s3:PutObject").contains("forbids s3:PutObject"));
    }

    #[test]
    fn messages_without_a_reason_are_not_denials() {
        for message in [
            "",
            "Access Denied",
            "is not authorized to perform: ",
            "is not authorized to perform: evil:Thing on resource",
            "is not authorized to perform: s3: on resource",
            "is not authorized to perform: \u{1b}[31m",
        ] {
            assert_eq!(Denial::read(message), None, "{message}");
        }
        let long = format!("is not authorized to perform: s3:{}", "x".repeat(100));
        assert_eq!(Denial::read(&long), None);
    }
}
