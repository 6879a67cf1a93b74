//! The keys that sign a request.

use std::fmt;
use std::time::SystemTime;

use crate::base::Secret;

/// The keys that sign a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The public half, sent with every request.
    pub access_key_id: String,
    /// The signing key.
    pub secret_access_key: Secret,
    /// The session token that accompanies temporary keys.
    pub session_token: Option<Secret>,
    /// When the credentials expire, or `None` if unknown.
    pub expires: Option<SystemTime>,
}

/// Masks the key and the token, and shows only that an access key ID is present.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &"***")
            .field("secret_access_key", &self.secret_access_key)
            .field("session_token", &self.session_token)
            .field("expires", &self.expires)
            .finish()
    }
}
