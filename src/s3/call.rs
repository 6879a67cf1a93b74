//! An S3 call: a request as the action defines it, before it is signed.

use std::time::Duration;

use crate::http::{Method, OnStop};
use crate::object::Payload;
use crate::s3::checksum::Checksum;

/// How long to wait for a server's response.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// An S3 call, sent once or several times.
pub(super) struct Call<'a> {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) key: Option<&'a str>,
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Signed; names are lower-case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<&'a dyn Payload>,
    pub(super) checksum: Checksum,
    /// The body is checked in another way, so over TLS its hash need not be signed.
    pub(super) may_be_unsigned: bool,
    pub(super) answer_timeout: Duration,
    /// Clean-up calls are sent even after the operation was cancelled, but only briefly: the user may be waiting for
    /// the program to end.
    pub(super) on_stop: OnStop,
    /// Sent at most once, whatever the response.
    pub(super) once: bool,
    /// Whether to sign with the configured keys even if other calls use a session.
    pub(super) base_keys: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(operation: &'static str, method: Method, key: Option<&'a str>) -> Self {
        let headers = Vec::new();
        Self {
            operation,
            method,
            key,
            query: &[],
            headers,
            body: None,
            checksum: Checksum::Never,
            may_be_unsigned: false,
            answer_timeout: ANSWER_TIMEOUT,
            on_stop: OnStop::BreakOff,
            once: false,
            base_keys: false,
        }
    }
}
