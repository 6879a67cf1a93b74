use std::sync::Arc;

use crate::aws::tests::World;
use crate::base::{Error, Result};
use crate::credentials::provider::CredentialsProvider;

mod chain;
mod precedence;
mod profile;
mod refusals;
mod roles;
mod rules;
mod secrets;
pub(super) mod server;
mod variables;

pub(super) use server::Server;

/// The keys of a profile. Every secret here and below contains MARKED and must never be shown.
const KEYS: &str = "aws_access_key_id=AKPROFILE\naws_secret_access_key=MARKED-p\naws_session_token=MARKED-pt\n";

/// What the chain finds in a world.
pub(super) trait Find: Sized {
    /// Directs all services to this server.
    fn at(self, server: &Server) -> Self;

    fn provider(&self) -> Result<Option<Arc<dyn CredentialsProvider>>>;

    /// Returns the ID, secret and token, or the error. Asserts that neither the error's text nor any Debug output shows
    /// a secret.
    fn keys(&self) -> std::result::Result<(String, String, String), Error>;

    fn id(&self) -> String {
        self.keys().unwrap().0
    }

    /// Returns the error's message and hint.
    fn error(&self) -> String {
        let error = self.keys().unwrap_err();
        format!("{}: {} ({})", error.kind().as_str(), error.chain(), error.hint().unwrap_or_default())
    }
}

impl Find for World {
    fn at(self, server: &Server) -> Self {
        let url = server.url();
        self.with("AWS_ENDPOINT_URL_STS", &url)
            .with("AWS_ENDPOINT_URL_SSO", &url)
            .with("AWS_ENDPOINT_URL_SSO_OIDC", &url)
            .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &format!("{url}/path/that/goes"))
    }

    fn provider(&self) -> Result<Option<Arc<dyn CredentialsProvider>>> {
        super::provider(self.options()?.credentials(), &self.env(), &self.profile()?, &self.context())
    }

    fn keys(&self) -> std::result::Result<(String, String, String), Error> {
        let debug = format!("{:?} {:?} {:?}", self.options(), self.env(), self.profile());
        assert!(!debug.contains("MARKED"), "{debug}");
        match self.provider() {
            Ok(provider) => {
                let provider = provider.expect("not anonymous");
                let keys = provider.credentials()?;
                let shown = format!("{keys:?} {}", provider.origin());
                assert!(!shown.contains("MARKED") && !shown.contains(&keys.access_key_id), "{shown}");
                let token = keys.session_token.map_or(String::new(), |token| token.expose().to_owned());
                Ok((keys.access_key_id, keys.secret_access_key.expose().to_owned(), token))
            }
            Err(error) => {
                let shown = format!("{error:?} {} {:?}", error.chain(), error.hint());
                assert!(!shown.contains("MARKED"), "{shown}");
                assert!(error.hint().is_some(), "{shown}");
                Err(error)
            }
        }
    }
}

const ENV_KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "AKENV"), ("AWS_SECRET_ACCESS_KEY", "MARKED-e"), ("AWS_SESSION_TOKEN", "MARKED-et")];
