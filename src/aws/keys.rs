//! A key pair and its origin, checked before use: an invalid key must reach neither a header nor an error.

use std::fmt;
use std::time::SystemTime;

use crate::base::{Problem, Secret, UNQUOTE, has_quote, is_quoted};
use crate::sigv4::Credentials;

/// A part of credentials.
#[derive(Clone, Copy)]
enum Part {
    Id,
    Secret,
    Token,
}

/// An ID, a secret and perhaps a token, with their origin.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeyPair {
    credentials: Credentials,
    origin: String,
    /// The variables that hold the id, the secret and the token, if they came from the environment.
    variables: Option<[&'static str; 3]>,
}

impl KeyPair {
    /// Creates a key pair and trims white space around them: a trailing line break is never part of a
    /// key and would end up in the signature.
    pub(crate) fn new(access_key_id: &str, secret_access_key: &Secret, session_token: Option<&Secret>) -> Self {
        let session_token = session_token.map(trimmed).filter(|token| !token.expose().is_empty());
        Self {
            credentials: Credentials {
                access_key_id: access_key_id.trim().to_owned(),
                secret_access_key: trimmed(secret_access_key),
                session_token,
                expires: None,
            },
            origin: "the program that uses this library".to_owned(),
            variables: None,
        }
    }

    /// Sets a human-readable description of where the keys come from.
    #[must_use]
    pub(crate) fn with_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = origin.into();
        self
    }

    /// Records the environment variables that hold the keys.
    pub(crate) fn with_variables(self, variables: [&'static str; 3]) -> Self {
        let [id, ..] = variables;
        Self { origin: environment(id), variables: Some(variables), ..self }
    }

    /// Returns the keys.
    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns a description of where the keys come from.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    fn into_credentials(self) -> Credentials {
        self.credentials
    }

    /// Rejects keys that cannot be sent in a header, before an HTTP client does so and possibly shows them.
    ///
    /// # Errors
    /// If a part is empty, is surrounded by quotes, or has a character that no key has.
    pub(crate) fn check(self) -> Result<Self, Problem> {
        let Credentials { access_key_id, secret_access_key, session_token, .. } = &self.credentials;
        let id = access_key_id.as_str();
        let (secret, token) = (secret_access_key.expose(), session_token.as_ref().map_or("", |token| token.expose()));
        // No key ID contains a quote. In the other two, a single quote proves nothing.
        let quoted = [is_quoted(id) || has_quote(id), is_quoted(secret), is_quoted(token)];
        if let Some(part) = [Part::Id, Part::Secret, Part::Token]
            .into_iter()
            .zip(quoted)
            .find_map(|(part, quoted)| quoted.then_some(part))
        {
            let message = format!("the {} has quotes around it", self.part(part));
            let hint = if self.variables.is_some() { UNQUOTE } else { "remove the quotes" };
            return Err(Problem::new(message).with_hint(hint));
        }
        let unprintable = |text: &str| !text.bytes().all(|byte| byte.is_ascii_graphic());
        // The replacement character stands for bytes of a file that are not UTF-8.
        let no_key_has = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
        let part = if id.is_empty() || unprintable(id) {
            Part::Id
        } else if secret.is_empty() || secret.contains(no_key_has) {
            Part::Secret
        } else if unprintable(token) {
            Part::Token
        } else {
            return Ok(self);
        };
        let message = format!("the {} is empty or contains an invalid character", self.part(part));
        Err(Problem::new(message).with_hint("check it for a line break, a space or a quote, and copy it again"))
    }

    /// Names a part and its origin.
    fn part(&self, part: Part) -> String {
        let (what, variable) = match (part, self.variables) {
            (Part::Id, variables) => ("access key id", variables.map(|[id, ..]| id)),
            (Part::Secret, variables) => ("secret access key", variables.map(|[_, secret, _]| secret)),
            (Part::Token, variables) => ("session token", variables.map(|[.., token]| token)),
        };
        format!("{what} from {}", variable.map_or_else(|| self.origin.clone(), environment))
    }
}

fn environment(variable: &str) -> String {
    format!("the environment ({variable})")
}

fn trimmed(secret: &Secret) -> Secret {
    Secret::new(secret.expose().trim())
}

/// Omits the keys.
impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Checks an ID, a secret and a token that a service returned, and returns them as credentials from `origin`.
///
/// # Errors
/// See [`KeyPair::check`].
pub(super) fn fetched(
    (id, secret, token): (&str, &str, Option<&str>),
    expires: Option<SystemTime>,
    origin: &str,
) -> Result<Credentials, Problem> {
    let keys = KeyPair::new(id, &Secret::from(secret), token.map(Secret::from).as_ref());
    Ok(Credentials { expires, ..keys.with_origin(origin).check()?.into_credentials() })
}
