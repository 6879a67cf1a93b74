//! `GetObject` as a URL that needs no credentials.

use std::time::Duration;

use crate::base::{Error, Result};
use crate::http::Method;
use crate::s3::call::Call;
use crate::s3::client::S3Client;
use crate::sigv4::presigned_query;

/// S3's limit: seven days.
const MAX_VALIDITY: Duration = Duration::from_secs(7 * 24 * 3600);

impl S3Client {
    /// Returns a URL of the object for the endpoint as far as known: before the first request, the configured one. It
    /// becomes invalid earlier if the credentials expire, in a directory bucket with the session.
    pub(super) fn presign_get_object(&self, key: &str, valid_for: Duration) -> Result<String> {
        if valid_for.as_secs() == 0 || valid_for > MAX_VALIDITY {
            return Err(Error::usage("a presigned URL must be valid for one second to seven days"));
        }
        let endpoint = self.endpoint();
        let keys = self.keys(&Call::new("GetObject", Method::Get, Some(key)), &endpoint)?;
        let Some(credentials) = &keys.credentials else {
            return Err(Error::unsupported("there are no credentials to presign a URL with"));
        };
        let parameters: Vec<(&str, &str)> =
            self.parts.request_headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let path = endpoint.object_path(key);
        let scope = keys.scope(&endpoint, self.now());
        let query = presigned_query((&endpoint.host, &path), &parameters, credentials, scope, valid_for);
        Ok(format!("{}{path}?{query}", endpoint.url()))
    }
}
