//! Keys that are given as they are and never change.

use std::fmt;

use crate::base::{Error, Problem, Result, Secret};
use crate::credentials::{Credentials, CredentialsProvider, KeyMistake};

const QUOTES: [char; 2] = ['"', '\''];
/// The fix for a variable that [`is_quoted`].
pub(super) const UNQUOTE: &str = "remove the quotes: `docker run --env-file` passes them on";

/// A part of credentials.
#[derive(Clone, Copy)]
enum Part {
    Id,
    Secret,
    Token,
}

/// Credentials that are given as they are: attributes, environment variables, keys in an AWS file, or an embedder's.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticCredentials {
    credentials: Credentials,
    origin: String,
    /// Id, secret and token each have an origin of their own: the variables that hold them.
    variables: Option<[&'static str; 3]>,
}

impl StaticCredentials {
    /// Takes the keys, without white space around them: a line break at the end is never part of a key, and would
    /// end up in the signature.
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

    /// The same, with what people call the place they come from.
    #[must_use]
    pub fn with_origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = origin.into();
        self
    }

    /// The same, from these variables of the environment.
    pub(super) fn with_variables(self, variables: [&'static str; 3]) -> Self {
        let [id, ..] = variables;
        Self { origin: environment(id), variables: Some(variables), ..self }
    }

    pub(super) fn into_credentials(self) -> Credentials {
        self.credentials
    }

    /// Refuses what cannot be put into a header, before a client does it and perhaps shows it.
    pub(super) fn check(self) -> std::result::Result<Self, Problem> {
        let Credentials { access_key_id, secret_access_key, session_token, .. } = &self.credentials;
        let id = access_key_id.as_str();
        let (secret, token) = (secret_access_key.expose(), session_token.as_ref().map_or("", |token| token.expose()));
        // No id has a quote in it; in the others one alone proves nothing.
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
        // The latter stands for bytes of a file that are not UTF-8.
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
    /// Names a part and the place it comes from.
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

/// Returns whether a value has quotes around it, which were meant for a shell.
pub(super) fn is_quoted(text: &str) -> bool {
    QUOTES.iter().any(|quote| text.len() > 1 && text.starts_with(*quote) && text.ends_with(*quote))
        || text.starts_with('\u{201c}')
        || text.starts_with('\u{2018}')
}

/// The fix for a value that [`is_quoted`]: a variable, or what else `origin` names.
pub(super) fn unquote(origin: &str) -> &'static str {
    // The places in files have more than one word.
    if origin.contains(' ') { "remove the quotes" } else { UNQUOTE }
}

fn trimmed(secret: &Secret) -> Secret {
    Secret::new(secret.expose().trim())
}

impl CredentialsProvider for StaticCredentials {
    /// # Errors
    /// [`Error::Access`] if id and secret are swapped: the secret must not be sent as an id.
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
