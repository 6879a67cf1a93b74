//! Begins the session that the requests to a directory bucket need.

use crate::object::ObjectStore as _;
use crate::ops::doctor::Findings;
use crate::s3::S3Client;

/// Begins the session, for writes if `write` is set. If that fails, returns why the bucket is not worth checking.
pub(super) fn begin(findings: &mut Findings<'_>, store: &S3Client, write: bool) -> Result<(), &'static str> {
    if write {
        store.expect_writes();
    }
    match store.session_state() {
        Ok(None) => Ok(()),
        Ok(Some(session)) => {
            let (mode, at, left) = (session.mode.name(), session.expires, session.left.as_secs());
            let facts = vec![("session_mode", mode.to_owned()), ("session_expires", at.to_string())];
            let detail = format!("{mode} · expires at {at}, in {left} s, and is replaced before");
            findings.passed_with("session", detail, facts);
            Ok(())
        }
        Err(error) => {
            findings.failed("session", &error);
            Err("there is no session with the bucket")
        }
    }
}
