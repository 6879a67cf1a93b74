use std::sync::Arc;

use super::*;
use crate::base::{Error, MapEnv};
use crate::config::CacheOptions;

mod chain;
mod profile;
mod settings;

/// A home directory with AWS files, attributes and variables.
struct World {
    home: tempfile::TempDir,
    variables: Vec<(String, String)>,
    options: CacheOptions,
}

/// The keys of a profile. Every secret here and below is MARKED, and must never be shown.
const KEYS: &str = "aws_access_key_id=AKPROFILE\naws_secret_access_key=MARKED-p\naws_session_token=MARKED-pt\n";

impl World {
    fn new(variables: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { home, variables: variables.iter().map(owned).collect(), options: CacheOptions::new("b") }
    }

    fn file(self, name: &str, text: &str) -> Self {
        let dir = self.home.path().join(".aws");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(name), text).unwrap();
        self
    }

    fn config(self, text: &str) -> Self {
        self.file("config", text)
    }

    fn credentials(self, text: &str) -> Self {
        self.file("credentials", text)
    }

    fn options(mut self, change: impl FnOnce(&mut CacheOptions)) -> Self {
        change(&mut self.options);
        self
    }

    fn env(&self) -> MapEnv {
        let home = ("HOME".to_owned(), self.home.path().display().to_string());
        MapEnv::new(self.variables.iter().cloned().chain([home]))
    }

    fn profile(&self) -> Result<Profile> {
        Profile::load(&self.options, &self.env())
    }

    fn provider(&self) -> Result<Option<Arc<dyn CredentialsProvider>>> {
        provider(&self.options, &self.env(), &self.profile()?)
    }

    /// Id, secret and token, or the error; neither its text nor any Debug ever shows a secret.
    fn keys(&self) -> std::result::Result<(String, String, String), Error> {
        let debug = format!("{:?} {:?} {:?}", self.options, self.env(), self.profile());
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

    fn id(&self) -> String {
        self.keys().unwrap().0
    }

    /// Message and hint.
    fn error(&self) -> String {
        let error = self.keys().unwrap_err();
        format!("{}: {} ({})", error.kind().as_str(), error.chain(), error.hint().unwrap_or_default())
    }

    fn settings(&self) -> Result<S3Settings> {
        match Settings::resolve(&self.options, &self.env())? {
            Settings::S3(settings) => Ok(*settings),
            Settings::Directory { .. } => panic!("a directory"),
        }
    }

    fn settings_error(&self) -> String {
        let error = self.settings().unwrap_err();
        assert!(error.hint().is_some(), "{error}");
        format!("{}: {}", error.kind().as_str(), error.chain())
    }
}

fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("{part:?} is not where it should be in {text:?}")).1;
    }
}

const ENV_KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "AKENV"), ("AWS_SECRET_ACCESS_KEY", "MARKED-e"), ("AWS_SESSION_TOKEN", "MARKED-et")];
