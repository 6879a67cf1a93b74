//! Fixed credentials that are given directly and never change.

use std::fmt;

use crate::base::{Error, Problem, Result, Secret};
use crate::credentials::{CredentialsProvider, KeyMistake};
use crate::sigv4::Credentials;

const QUOTES: [char; 2] = ['"', '\''];
/// The hint for a variable that [`is_quoted`].
pub(super) const UNQUOTE: &str = "remove the quotes: `docker run --env-file` passes them on";

/// A part of credentials.
#[derive(Clone, Copy)]
enum Part {
    Id,
    Secret,
    Token,
}

/// Fixed credentials from attributes, environment variables, keys in an AWS file, or an embedding program.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticCredentials {
    credentials: Credentials,
    origin: String,
    /// The variables that hold the id, the secret and the token, if they came from the environment.
    variables: Option<[&'static str; 3]>,
}

impl StaticCredentials {
    /// Creates credentials from these keys and trims white space around them: a trailing line break is never part of a
    /// key and would end up in the signature.
    pub fn new(access_key_id: &str, secret_access_key: &Secret, session_token: Option<&Secret>) -> Self {
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
    pub fn with_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = origin.into();
        self
    }

    /// Records the environment variables that hold the keys.
    pub(super) fn with_variables(self, variables: [&'static str; 3]) -> Self {
        let [id, ..] = variables;
        Self { origin: environment(id), variables: Some(variables), ..self }
    }

    pub(super) fn into_credentials(self) -> Credentials {
        self.credentials
    }

    /// Rejects keys that cannot be sent in a header, before an HTTP client does so and possibly shows them.
    pub(super) fn check(self) -> std::result::Result<Self, Problem> {
        let Credentials { access_key_id, secret_access_key, session_token, .. } = &self.credentials;
        let id = access_key_id.as_str();
        let (secret, token) = (secret_access_key.expose(), session_token.as_ref().map_or("", |token| token.expose()));
        // No key ID contains a quote. In the other two, a single quote proves nothing.
        let quoted =
            [is_quoted(id) || id.starts_with(QUOTES) || id.ends_with(QUOTES), is_quoted(secret), is_quoted(token)];
        if let Some(part) = [Part::Id, Part::Secret, Part::Token]
            .into_iter()
            .zip(quoted)
            .find_map(|(part, quoted)| quoted.then_some(part))
        {
            let message = format!("the {} has quotes around it", self.part(part));
            let hint = if self.variables.is_some() { UNQUOTE } else { "remove the quotes" };
            return Err(Problem::new(message).hint(hint));
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
        let message = format!("the {} is empty or has a character in it that no key has", self.part(part));
        Err(Problem::new(message).hint("look for a line break, a space or a quote inside it, and copy it again"))
    }
}

impl StaticCredentials {
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

/// Returns whether a value is surrounded by quotes that were meant for a shell.
pub(super) fn is_quoted(text: &str) -> bool {
    QUOTES.iter().any(|quote| text.len() > 1 && text.starts_with(*quote) && text.ends_with(*quote))
        || text.starts_with('\u{201c}')
        || text.starts_with('\u{2018}')
}

/// Returns the hint for a value that [`is_quoted`]; `origin` names a variable or another origin.
pub(super) fn unquote(origin: &str) -> &'static str {
    // The origin of a value in a file has more than one word.
    if origin.contains(' ') { "remove the quotes" } else { UNQUOTE }
}

fn trimmed(secret: &Secret) -> Secret {
    Secret::new(secret.expose().trim())
}

impl CredentialsProvider for StaticCredentials {
    /// # Errors
    /// [`Error::Access`] if the ID and the secret are swapped: the secret must not be sent as an ID.
    fn credentials(&self) -> Result<Credentials> {
        match KeyMistake::find(&self.credentials) {
            Some(mistake @ KeyMistake::Swapped) => {
                let message = format!("the keys from {} cannot be used", self.origin);
                Err(Error::Access(Problem::new(message).hint(mistake.hint(&self.origin))))
            }
            _ => Ok(self.credentials.clone()),
        }
    }

    fn origin(&self) -> String {
        self.origin.clone()
    }
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentials").field("origin", &self.origin).finish_non_exhaustive()
    }
}
