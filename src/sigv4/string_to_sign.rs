//! Step 2: the string to sign.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::macros::format_description;

use crate::base::Digest;
use crate::sigv4::Context;

/// The credential scope, and the time it begins at.
pub(super) struct Scope<'a> {
    time: OffsetDateTime,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

impl<'a> Scope<'a> {
    pub(super) fn new(context: Context<'a>) -> Self {
        // The year 10000 has no time stamp: a clock that is this wrong gets the error of a clock that is wrong.
        let last = OffsetDateTime::from_unix_timestamp(253_402_300_799).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let clamped = context.time.max(SystemTime::UNIX_EPOCH).min(last.into());
        Self { time: clamped.into(), region: context.region, service: context.service }
    }

    /// `20250102T030405Z`.
    pub(super) fn timestamp(&self) -> String {
        self.format(format_description!("[year][month][day]T[hour][minute][second]Z"))
    }

    /// `20250102`.
    pub(super) fn date(&self) -> String {
        self.format(format_description!("[year][month][day]"))
    }

    /// `20250102/us-east-1/s3/aws4_request`.
    pub(super) fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date(), self.region, self.service)
    }

    fn format(&self, format: &[time::format_description::BorrowedFormatItem<'_>]) -> String {
        // Years of four digits format always.
        self.time.format(format).unwrap_or_default()
    }
}

pub(super) fn string_to_sign(scope: &Scope<'_>, canonical_request: &str) -> String {
    let hash = Digest::of(canonical_request.as_bytes()).hex();
    format!("AWS4-HMAC-SHA256\n{}\n{}\n{hash}", scope.timestamp(), scope.text())
}
