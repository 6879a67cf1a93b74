//! Responses of the Security Token Service.

use crate::aws::service::refusal;
use crate::aws::sts::{StsRefusal, credentials as sts_credentials, result as sts_result};
use crate::base::{MAX_SHOWN_CHARS, Problem};
use crate::go::Timestamp;
use crate::properties::{complete, shows_part};
use crate::sigv4::Credentials;

const ACTIONS: [&str; 2] = ["AssumeRole", "AssumeRoleWithWebIdentity"];

/// The first line of the input is the secret that was sent; the rest is the response. Credentials are complete and
/// survive being written. Errors about a response without credentials do not depend on the secrets in it, and a refusal
/// shows no part of what was sent.
pub fn sts(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (sent, body) = data.split_at_checked(end).unwrap_or_default();
    let body = body.get(1..).unwrap_or_default();
    for action in ACTIONS {
        let answer = read(action, body);
        if let Ok(credentials) = &answer {
            complete(credentials);
            assert!(credentials.session_token.is_some() && credentials.expires.is_some());
            if let Some(again) = print(action, credentials) {
                assert!(read(action, again.as_bytes()).is_ok_and(|again| again == *credentials));
            }
        }
        let other = read(action, &with_other_secrets(body));
        assert_eq!(format!("{answer:?}"), format!("{other:?}"));
    }
    if let Ok(sent) = std::str::from_utf8(sent) {
        refused(sent, body);
    }
}

fn read(action: &str, body: &[u8]) -> Result<Credentials, Problem> {
    sts_credentials(&sts_result(action, body)?, "a test")
}

fn refused(sent: &str, body: &[u8]) {
    let StsRefusal { code, message } = StsRefusal::read(body);
    let text = refusal("it", 403, (code.as_deref(), message.as_deref()), &[sent]);
    assert!(text.chars().count() <= 2 * MAX_SHOWN_CHARS + 20 && !text.contains(char::is_control), "{text:?}");
    assert!(!shows_part(&text, sent), "{text:?}");
}

/// Returns a response with these credentials, or `None` if the time has no text form.
fn print(action: &str, credentials: &Credentials) -> Option<String> {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let expires = Timestamp::from(credentials.expires?);
    if expires.is_zero() {
        return None;
    }
    let token = credentials.session_token.as_ref()?;
    Some(format!(
        "<r><{action}Result><Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>\
         <SessionToken>{}</SessionToken><Expiration>{expires}</Expiration></Credentials></{action}Result></r>",
        escaped(&credentials.access_key_id),
        escaped(credentials.secret_access_key.expose()),
        escaped(token.expose()),
    ))
}

/// Replaces the letters and digits of the secrets.
fn with_other_secrets(body: &[u8]) -> Vec<u8> {
    let mut out = body.to_vec();
    for name in [&b"<SecretAccessKey>"[..], b"<SessionToken>"] {
        let starts: Vec<usize> = body
            .windows(name.len())
            .enumerate()
            .filter(|(_, part)| *part == name)
            .map(|(at, _)| at + name.len())
            .collect();
        for start in starts {
            let rest = out.get_mut(start..).unwrap_or_default();
            let end = rest.iter().position(|byte| *byte == b'<').unwrap_or(rest.len());
            let secret = rest.get_mut(..end).unwrap_or_default();
            // A character reference must remain valid.
            if !secret.contains(&b'&') {
                secret.iter_mut().filter(|byte| byte.is_ascii_alphanumeric()).for_each(|byte| *byte = b'x');
            }
        }
    }
    out
}
