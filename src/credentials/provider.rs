//! The contract of a source of credentials.

use std::sync::Arc;

use crate::base::Result;
use crate::sigv4::Credentials;

/// A source of credentials. It is queried before every attempt of a request, from several threads at once.
pub trait CredentialsProvider: Send + Sync {
    /// Returns the credentials to use now. A provider of temporary credentials caches them and refreshes them before
    /// they expire.
    ///
    /// # Errors
    /// If no credentials are available.
    fn credentials(&self) -> Result<Credentials>;

    /// Reports that the store rejected these credentials as expired. A provider that can refresh them drops them from
    /// its cache, unless it already holds newer ones.
    fn invalidate(&self, used: &Credentials) {
        let _ = used;
    }

    /// Describes the source for humans, such as `the environment (AWS_ACCESS_KEY_ID)`.
    fn origin(&self) -> String;
}

impl<P: CredentialsProvider + ?Sized> CredentialsProvider for Arc<P> {
    fn credentials(&self) -> Result<Credentials> {
        (**self).credentials()
    }

    fn invalidate(&self, used: &Credentials) {
        (**self).invalidate(used);
    }

    fn origin(&self) -> String {
        (**self).origin()
    }
}
