//! JSON documents that credential sources return. As in the Go SDK, keys match exactly, or else ignoring ASCII case.

use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::aws::keys::fetched;
use crate::base::Problem;
use crate::go::Timestamp;
use crate::sigv4::Credentials;

/// A JSON object. It has no `Debug` because it may hold secrets.
#[derive(Clone, Default)]
pub(crate) struct JsonObject(pub(crate) Map<String, Value>);

/// The keys under which a source returns the parts of its credentials.
#[derive(Clone, Copy)]
pub(crate) struct KeyNames {
    pub(crate) id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) token: &'static str,
}

impl JsonObject {
    /// Parses exactly one object with nothing after it. Errors do not show the remaining text.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        match serde_json::from_str(&String::from_utf8_lossy(bytes)) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(Problem::new("it is not a JSON object")),
            Err(error) => Err(Problem::new(format!(
                "it is not one JSON object (line {}, column {})",
                error.line(),
                error.column()
            ))),
        }
    }

    /// Returns the value, or `None` if it is missing or `null`.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        let other = || self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
        self.0.get(key).or_else(other).filter(|value| !value.is_null())
    }

    /// Returns a non-empty string.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// Returns a nested object.
    pub(crate) fn object(&self, key: &str) -> Option<Self> {
        self.get(key)?.as_object().cloned().map(Self)
    }

    /// Returns an RFC 3339 timestamp.
    pub(crate) fn time(&self, key: &str) -> Result<Option<SystemTime>, Problem> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let time = value.as_str().and_then(|text| text.parse::<Timestamp>().ok()).and_then(Timestamp::to_system_time);
        time.map(Some).ok_or_else(|| Problem::new(format!("its {key} is not a time in RFC 3339")))
    }

    /// Returns the credentials from `origin`, which must include both the ID and the secret.
    pub(crate) fn credentials(
        &self,
        names: KeyNames,
        expires: Option<SystemTime>,
        origin: &str,
    ) -> Result<Credentials, Problem> {
        let need = |key| self.text(key).ok_or_else(|| Problem::new(format!("it has no {key}")));
        let (id, secret) = (need(names.id)?, need(names.secret)?);
        fetched((id, secret, self.text(names.token)), expires, origin)
    }
}
