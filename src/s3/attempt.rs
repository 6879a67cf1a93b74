//! The parameters of one attempt of a call.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::SystemTime;

use crate::base::Secret;
use crate::s3::endpoint::Endpoint;
use crate::s3::sessions::Keys;

/// The parameters of an attempt.
pub(super) struct Used {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) keys: Keys,
    /// The assumed lead of the server's clock over ours, in seconds.
    pub(super) ahead: i64,
    /// When the attempt began, by our clock.
    pub(super) began: SystemTime,
    /// Whether the body waits until the server asks for it.
    pub(super) expect: bool,
    /// Whether a checksum was sent.
    pub(super) checksum: bool,
    /// Whether the body was sent as `UNSIGNED-PAYLOAD`.
    pub(super) unsigned: bool,
    /// Its signature, once it is signed.
    pub(super) signature: OnceCell<Secret>,
}

impl Used {
    /// Returns the secrets that must be masked in the response.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let Some(credentials) = &self.keys.credentials else { return Vec::new() };
        let secrets = [Some(&credentials.secret_access_key), credentials.session_token.as_ref(), self.signature.get()];
        secrets.into_iter().flatten().cloned().collect()
    }
}
