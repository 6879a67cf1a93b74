//! A request for an action of the Security Token Service.

use crate::sigv4::Credentials;

/// An action and its caller.
pub(crate) struct StsAction<'a> {
    pub(crate) name: &'static str,
    /// The parameters in alphabetical order, without `Action` and `Version`.
    pub(crate) form: &'a [(&'a str, &'a str)],
    /// The keys to sign with.
    pub(crate) signer: Option<&'a Credentials>,
    /// Secrets to redact if the response echoes them.
    pub(crate) secrets: &'a [&'a str],
    /// Additional error codes that a retry can resolve.
    pub(crate) transient: &'a [&'a str],
    pub(crate) hint: fn(code: &str) -> Option<&'static str>,
}
