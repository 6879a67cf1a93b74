//! Checks the credentials: their source, how long they are valid, and which identity they belong to.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::aws::{KeyMistake, S3Settings, caller_identity};
use crate::base::{Error, ErrorKind};
use crate::config::CredentialOptions;
use crate::credentials::CredentialsProvider;
use crate::go::Timestamp;
use crate::ops::doctor::Findings;
use crate::sigv4::Credentials;
use crate::store::{self, StoreParts};

/// The checks that need credentials.
const KEY_CHECKS: &[&str] = &["key", "expiry", "identity"];
/// The number of characters of a key ID to show at either end.
const SHOWN_CHARS: usize = 4;

/// Returns the credentials to sign with: `Some(None)` for unsigned requests, `None` if there are no credentials.
pub(super) fn examine(
    findings: &mut Findings<'_>,
    options: &CredentialOptions,
    (settings, parts): (&S3Settings, &StoreParts),
    reached: bool,
) -> Option<Option<Arc<dyn CredentialsProvider>>> {
    let asked = match store::provider(options, settings, parts) {
        Ok(None) => {
            findings.passed("credentials", "none: requests are not signed (anonymous=true)");
            findings.skipped(KEY_CHECKS, "requests are not signed");
            return Some(None);
        }
        Ok(Some(provider)) => provider.credentials().map(|keys| (provider, keys)),
        Err(error) => Err(error),
    };
    let Some((provider, keys)) = findings.of("credentials", asked, |(provider, _)| provider.origin()) else {
        findings.skipped(KEY_CHECKS, "there are no credentials");
        return None;
    };
    // Anything that looks like a secret may be one.
    let is_secret = KeyMistake::find(&keys) == Some(KeyMistake::SecretAsId);
    findings.passed("key", if is_secret { masked("") } else { masked(&keys.access_key_id) });
    expiry(findings, &keys, parts.clock.now());
    if reached || settings.endpoint.is_some() {
        whose(findings, (settings, parts), &keys);
    } else {
        findings.skipped(&["identity"], "AWS cannot be reached");
    }
    Some(Some(provider))
}

/// Returns the key ID with its middle masked, which is enough to distinguish keys.
fn masked(id: &str) -> String {
    let chars: Vec<char> = id.chars().collect();
    let text = |part: &[char]| part.iter().collect::<String>();
    match (chars.first_chunk::<SHOWN_CHARS>(), chars.last_chunk::<SHOWN_CHARS>()) {
        (Some(first), Some(last)) if chars.len() >= 4 * SHOWN_CHARS => format!("{}…{}", text(first), text(last)),
        (Some(first), _) if chars.len() >= 2 * SHOWN_CHARS => format!("{}…", text(first)),
        _ => "…".to_owned(),
    }
}

fn expiry(findings: &mut Findings<'_>, keys: &Credentials, now: SystemTime) {
    let Some(expires) = keys.expires else {
        return findings.passed(
            "expiry",
            match keys.session_token {
                Some(_) => "temporary; expiry unknown, cannot be renewed",
                None => "they do not expire",
            },
        );
    };
    let at = Timestamp::from(expires);
    match expires.duration_since(now) {
        Ok(left) => findings.passed("expiry", format!("in {} ({at}), and renewed before", rounded(left))),
        Err(_) => {
            let expired = Error::access(format!("they expired at {at}"));
            findings.failed("expiry", &expired.with_hint("get new credentials, or check this machine's clock"));
        }
    }
}

fn rounded(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

fn whose(findings: &mut Findings<'_>, (settings, parts): (&S3Settings, &StoreParts), keys: &Credentials) {
    match caller_identity(settings, &store::context(settings, parts), keys) {
        Ok(Some(identity)) => findings.passed("identity", format!("{} (account {})", identity.arn, identity.account)),
        Ok(None) => findings.skipped(&["identity"], "only AWS can identify keys"),
        // STS may be unreachable even if S3 is not.
        Err(error) if error.kind() == ErrorKind::Network => {
            findings.skipped(&["identity"], &format!("not needed for S3: {}", error.chain()));
        }
        Err(error) => findings.failed("identity", &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_of_a_key_id_is_masked() {
        for (id, shown) in [
            ("AKIAIOSFODNN7EXAMPLE", "AKIA…MPLE"),
            ("AKIDEXAMPLE", "AKID…"),
            ("minio", "…"),
            ("", "…"),
            ("ключ-доступа-один", "ключ…один"),
        ] {
            assert_eq!(masked(id), shown);
        }
    }
}
