//! The attributes that select the source of the credentials.

use std::fmt;

use crate::base::{Error, Result, Secret};
use crate::config::attribute::{Attribute, Content};

/// Where the credentials come from. Whatever is not set is decided by the environment and the AWS files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CredentialOptions {
    /// The keys; fall back to the credential chain.
    pub keys: Option<AccessKeys>,
    /// The profile in the AWS files. If set here, it takes precedence over keys in the environment.
    pub profile: Option<String>,
    /// A role to assume with the credentials.
    pub role: Option<RoleOptions>,
    /// Whether to send unsigned requests, for importing from a public bucket.
    pub anonymous: bool,
}

/// An access key ID and what belongs to it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessKeys {
    /// The access key ID.
    pub id: String,
    /// The secret access key.
    pub secret: Secret,
    /// The session token of temporary keys.
    pub session_token: Option<Secret>,
}

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoleOptions {
    /// The role's ARN.
    pub arn: String,
    /// The session name.
    pub session_name: Option<String>,
    /// The external ID.
    pub external_id: Option<String>,
}

/// The attributes as given, before those that belong together are paired.
#[derive(Default)]
pub(super) struct CredentialAttributes {
    access_key_id: Option<String>,
    secret_access_key: Option<Secret>,
    session_token: Option<Secret>,
    profile: Option<String>,
    role_arn: Option<String>,
    role_session_name: Option<String>,
    external_id: Option<String>,
    anonymous: bool,
}

type Row = Attribute<CredentialAttributes>;

/// The attributes from which [`CredentialOptions`] are made.
pub(super) const ATTRIBUTES: &[Row] = &[
    Row::text("access_key_id", "the key ID; default: the credential chain", |given, id| given.access_key_id = id)
        .aliases(&["user", "username"])
        .content(Content::Free),
    Row::secret("secret_access_key", "the secret of access_key_id", |given, secret| {
        given.secret_access_key = secret;
    })
    .aliases(&["password"]),
    Row::secret("session_token", "the token of temporary keys", |given, token| given.session_token = token),
    Row::text("profile", "a profile in the AWS files; default: $AWS_PROFILE", |given, name| given.profile = name),
    Row::text("role_arn", "a role to assume with the credentials found", |given, arn| given.role_arn = arn),
    Row::text("role_session_name", "the session name of that role", |given, name| {
        given.role_session_name = name;
    }),
    Row::text("external_id", "the external ID of that role", |given, id| given.external_id = id).content(Content::Free),
    Row::bool("anonymous", "do not sign requests, to import from a public bucket", |given, on| {
        given.anonymous = on;
    })
    .aliases(&["no_sign_request", "public", "unsigned"]),
];

impl CredentialAttributes {
    /// Pairs the attributes that belong together.
    ///
    /// # Errors
    /// [`Error::Usage`] if one of them is missing.
    pub(super) fn pair(self) -> Result<CredentialOptions> {
        let Self { session_token, profile, anonymous, role_session_name, external_id, .. } = self;
        let keys =
            match (self.access_key_id, self.secret_access_key) {
                (Some(id), Some(secret)) => Some(AccessKeys { id, secret, session_token }),
                (Some(_), None) => {
                    return Err(Error::usage("access_key_id is given without secret_access_key")
                        .with_hint("set both or neither"));
                }
                (None, Some(_)) => {
                    return Err(Error::usage("secret_access_key is given without access_key_id")
                        .with_hint("set both or neither"));
                }
                (None, None) if session_token.is_some() => {
                    let hint = "set access_key_id and secret_access_key too";
                    return Err(Error::usage("session_token is given without its keys").with_hint(hint));
                }
                (None, None) => None,
            };
        let role = match self.role_arn {
            Some(arn) => Some(RoleOptions { arn, session_name: role_session_name, external_id }),
            None if role_session_name.is_some() || external_id.is_some() => {
                let hint = "set role_arn, or leave them out";
                return Err(Error::usage("role_session_name and external_id need role_arn").with_hint(hint));
            }
            None => None,
        };
        Ok(CredentialOptions { keys, profile, role, anonymous })
    }
}

impl CredentialOptions {
    /// Returns the same credentials for requests that must be signed: `anonymous` only applies to imports.
    #[must_use]
    pub(super) fn signed(&self) -> Self {
        Self { anonymous: false, ..self.clone() }
    }

    /// Checks that the fields do not contradict `anonymous`.
    pub(super) fn check(&self) -> Result<()> {
        let other = if self.keys.is_some() {
            "access_key_id"
        } else if self.role.is_some() {
            "role_arn"
        } else {
            return Ok(());
        };
        if self.anonymous { Err(contradicts(other, "anonymous requests are not signed")) } else { Ok(()) }
    }
}

/// Returns the error for a setting that makes no sense with `anonymous`.
pub(super) fn contradicts(other: &str, why: &str) -> Error {
    Error::usage(format!("{other} contradicts anonymous=true")).with_hint(format!("remove one of them: {why}"))
}

impl AccessKeys {
    /// Creates keys without a session token.
    pub fn new(id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        Self { id: id.into(), secret: secret.into(), session_token: None }
    }

    /// Returns the keys with the session token of temporary keys.
    #[must_use]
    pub fn with_session_token(self, token: impl Into<Secret>) -> Self {
        Self { session_token: Some(token.into()), ..self }
    }
}

impl RoleOptions {
    /// Creates options for a role without a session name and external ID.
    pub fn new(arn: impl Into<String>) -> Self {
        Self { arn: arn.into(), session_name: None, external_id: None }
    }
}

/// Masks the ID too: a mistaken user may have put the secret in its place.
impl fmt::Debug for AccessKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKeys")
            .field("id", &"***")
            .field("secret", &self.secret)
            .field("session_token", &self.session_token)
            .finish()
    }
}
