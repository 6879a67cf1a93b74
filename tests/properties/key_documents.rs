//! The JSON documents with credentials from containers, instances, processes and logins.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::base::Problem;
use crate::credentials::{read_container, read_imds, read_login, read_process, read_sso, read_sso_login};
use crate::go::Timestamp;
use crate::properties::{complete, shows_part};
use crate::sigv4::Credentials;

type Read = Result<Credentials, Problem>;

/// A credential source: how it reads a document, and a document with given credentials.
struct Source {
    read: fn(&[u8]) -> Read,
    print: fn(&Credentials, Option<String>) -> Value,
    /// Whether its credentials always expire.
    expires: bool,
}

const SOURCES: [Source; 5] = [
    Source {
        read: |text| read_container(text, "a test"),
        print: |keys, expires| json!({"AccessKeyId": keys.access_key_id, "Secretaccesskey": secret(keys), "Token": token(keys), "Expiration": expires}),
        expires: false,
    },
    Source {
        read: |text| read_process(text, "a test"),
        print: |keys, expires| json!({"version": 1, "AccessKeyId": keys.access_key_id, "SecretAccessKey": secret(keys), "SessionToken": token(keys), "Expiration": expires}),
        expires: false,
    },
    Source {
        read: |text| read_imds(text, now(), "a test"),
        print: |keys, expires| json!({"Code": "SUCCESS", "AccessKeyId": keys.access_key_id, "SecretAccessKey": secret(keys), "Token": token(keys), "Expiration": expires}),
        expires: true,
    },
    Source {
        read: |text| read_sso(text, "a test"),
        print: |keys, _| json!({"roleCredentials": {"accessKeyId": keys.access_key_id, "secretAccessKey": secret(keys), "sessionToken": token(keys), "expiration": millis(keys)}}),
        expires: true,
    },
    Source {
        read: |text| read_login(text, "a test"),
        print: |keys, expires| json!({"clientId": "c", "refreshToken": "r", "dpopKey": "d", "accessToken": {"accessKeyId": keys.access_key_id, "secretAccessKey": secret(keys), "sessionToken": token(keys), "expiresAt": expires}}),
        expires: true,
    },
];

/// Credentials are complete and survive being written. Errors about a document do not depend on its secrets; if an
/// instance's document is quoted, no part of a secret is shown.
pub fn key_documents(data: &[u8]) {
    let document = serde_json::from_str::<Value>(&String::from_utf8_lossy(data)).ok();
    let other = document.clone().map(|document| with_other_secrets(document).to_string());
    for source in &SOURCES {
        let read = (source.read)(data);
        if let Ok(credentials) = &read {
            complete(credentials);
            assert!(credentials.expires.is_some() || !source.expires);
            survives(source, credentials);
        }
        let keys = document.as_ref().and_then(Value::as_object).into_iter().flatten();
        let failed = keys.into_iter().any(|(key, _)| key.eq_ignore_ascii_case("code"));
        match &other {
            Some(other) if !failed => {
                assert_eq!(format!("{read:?}"), format!("{:?}", (source.read)(other.as_bytes())));
            }
            _ => {
                let text = TEMPLATES.iter().fold(format!("{read:?}"), |text, own| text.replace(own, " "));
                let secrets = document.iter().flat_map(secrets);
                secrets.for_each(|secret| assert!(!shows_part(&text, secret), "{text}"));
            }
        }
    }
    let login = read_sso_login(data).map(|(_, token, expires)| (token, expires));
    assert!(login.as_ref().is_ok_and(|(token, _)| !token.expose().is_empty()) || login.is_err());
    if let Some(other) = other {
        let other = read_sso_login(other.as_bytes()).map(|(_, token, expires)| (token, expires));
        assert_eq!(format!("{login:?}"), format!("{other:?}"));
    }
}

/// Words that occur in the messages and in the credentials themselves.
const TEMPLATES: [&str; 4] = ["SecretAccessKey", "secretAccessKey", "roleCredentials", "Ok(Credentials {"];

/// A time in the year 2027.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn survives(source: &Source, credentials: &Credentials) {
    let expires = credentials.expires.map(Timestamp::from);
    if expires.is_some_and(|time| time.is_zero()) {
        return;
    }
    let text = (source.print)(credentials, expires.map(|time| time.to_string())).to_string();
    let again = (source.read)(text.as_bytes());
    assert!(again.is_ok_and(|again| again == *credentials), "{expires:?}");
}

fn secret(keys: &Credentials) -> &str {
    keys.secret_access_key.expose()
}

fn token(keys: &Credentials) -> Option<&str> {
    keys.session_token.as_ref().map(|token| token.expose())
}

fn millis(keys: &Credentials) -> Option<u64> {
    let since = keys.expires?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

fn is_secret(key: &str) -> bool {
    ["secret", "token", "dpop"].iter().any(|part| key.to_ascii_lowercase().contains(part))
}

/// Replaces the printable characters of secrets.
fn with_other_secrets(document: Value) -> Value {
    let other = |text: &str| text.chars().map(|c| if c.is_ascii_graphic() { 'x' } else { c }).collect::<String>();
    match document {
        Value::Object(map) => {
            let pairs = map.into_iter().map(|(key, value)| match value {
                Value::String(text) if is_secret(&key) => (key, Value::from(other(&text))),
                value => (key, with_other_secrets(value)),
            });
            Value::Object(pairs.collect())
        }
        Value::Array(list) => list.into_iter().map(with_other_secrets).collect(),
        value => value,
    }
}

fn secrets(document: &Value) -> Vec<&str> {
    let map = document.as_object().into_iter().flatten();
    map.filter(|(key, _)| is_secret(key)).filter_map(|(_, value)| value.as_str()).collect()
}
