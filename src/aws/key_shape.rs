//! Detects likely mistakes in a key pair from the shape of its values.

use crate::sigv4::Credentials;

/// A likely mistake in a key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyMistake {
    /// The access key ID and the secret access key are swapped.
    Swapped,
    /// The access key ID has the shape of a secret access key.
    SecretAsId,
    /// A value includes quotes.
    Quoted,
    /// The access key ID belongs to temporary keys, but there is no session token.
    NoToken,
}

impl KeyMistake {
    /// Returns the likely mistake in these keys, if any.
    pub(crate) fn find(keys: &Credentials) -> Option<Self> {
        let (id, secret) = (keys.access_key_id.as_str(), keys.secret_access_key.expose());
        let quoted = |text: &str| text.starts_with(['"', '\'']) || text.ends_with(['"', '\'']);
        if quoted(id) || quoted(secret) || keys.session_token.as_ref().is_some_and(|token| quoted(token.expose())) {
            Some(Self::Quoted)
        } else if is_aws_id(secret) && !is_aws_id(id) {
            Some(Self::Swapped)
        } else if id.contains('/') || (id.len() >= 40 && id.len() > secret.len()) {
            Some(Self::SecretAsId)
        } else if is_aws_id(id) && id.starts_with("ASIA") && keys.session_token.is_none() {
            Some(Self::NoToken)
        } else {
            None
        }
    }

    /// Returns the fix; `origin` describes where the keys come from.
    pub(crate) fn hint(self, origin: &str) -> String {
        match self {
            Self::Swapped => {
                format!("swap the access key id and the secret access key; they come from {origin}")
            }
            Self::SecretAsId => format!(
                "the access key id looks like a secret access key: check whether the two are swapped; they come from \
                 {origin}"
            ),
            Self::Quoted => format!("remove the quotes around the keys; they come from {origin}"),
            Self::NoToken => format!(
                "access key ids that begin with ASIA need a session token (AWS_SESSION_TOKEN, aws_session_token); the \
                 keys come from {origin}"
            ),
        }
    }
}

/// Returns whether the text has the shape of an AWS access key ID: `AKIA` or `ASIA` and 16 more characters. IDs in
/// older examples start with `AK` too.
fn is_aws_id(text: &str) -> bool {
    text.len() == 20
        && (text.starts_with("AK") || text.starts_with("AS"))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;

    #[test]
    fn mistakes_are_detected_by_shape() {
        let (id, secret) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let hex = "0123456789abcdef0123456789abcdef";
        let long = format!("{hex}{hex}");
        for (id, secret, token, mistake) in [
            (id, secret, None, None),
            (secret, id, None, Some(KeyMistake::Swapped)),
            ("wJalrXUtnFEMIaK7MDENGabPxRfiCYEXAMPLEKEY", id, None, Some(KeyMistake::Swapped)),
            (secret, "minio123", None, Some(KeyMistake::SecretAsId)),
            // R2 and Garage.
            (hex, &long, None, None),
            (&long, hex, None, Some(KeyMistake::SecretAsId)),
            ("\"AKIAIOSFODNN7EXAMPLE\"", secret, None, Some(KeyMistake::Quoted)),
            (id, "'wJalrXUtnFEMI'", None, Some(KeyMistake::Quoted)),
            (id, secret, Some("\"token\""), Some(KeyMistake::Quoted)),
            ("ASIAIOSFODNN7EXAMPLE", secret, None, Some(KeyMistake::NoToken)),
            ("ASIAIOSFODNN7EXAMPLE", secret, Some("token"), None),
            ("minioadmin", "minioadmin", None, None),
            ("project:user", "password", None, None),
            ("test", "test", None, None),
        ] {
            let keys = Credentials {
                access_key_id: id.to_owned(),
                secret_access_key: Secret::from(secret),
                session_token: token.map(Secret::from),
                expires: None,
            };
            assert_eq!(KeyMistake::find(&keys), mistake, "{id} {secret}");
        }
    }
}
