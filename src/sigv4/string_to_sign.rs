//! Step 2: the string to sign.

use std::time::{Duration, SystemTime};

use crate::base::Digest;
use crate::go::Timestamp;
use crate::sigv4::request::SignatureScope;

/// 9999-12-31T23:59:59Z.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// The credential scope, and the time of the signature.
pub(super) struct Scope<'a> {
    timestamp: String,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

impl<'a> Scope<'a> {
    pub(super) fn new(scope: SignatureScope<'a>) -> Self {
        // There is no time stamp for the year 10000: a clock that is this wrong gets the server's error for a wrong
        // clock.
        let clamped = scope.time.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LAST);
        // `2025-01-02T03:04:05`, followed by a fraction and `Z`.
        let text = Timestamp::from(clamped).to_string();
        let mut timestamp: String = text.chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        timestamp.push('Z');
        Self { timestamp, region: scope.region, service: scope.service }
    }

    /// `20250102T030405Z`.
    pub(super) fn timestamp(&self) -> &str {
        &self.timestamp
    }

    /// `20250102`.
    pub(super) fn date(&self) -> &str {
        self.timestamp.split('T').next().unwrap_or_default()
    }

    /// `20250102/us-east-1/s3/aws4_request`.
    pub(super) fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date(), self.region, self.service)
    }
}

pub(super) fn string_to_sign(scope: &Scope<'_>, canonical_request: &str) -> String {
    let hash = Digest::of(canonical_request.as_bytes()).hex();
    format!("AWS4-HMAC-SHA256\n{}\n{}\n{hash}", scope.timestamp(), scope.text())
}
