//! The session of `aws login`, used until it expires. Only the AWS CLI refreshes it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::aws::{JsonObject, KeyNames, Profile, read_text};
use crate::base::{Clock, Digest, Error, Problem, Result};
use crate::credentials::lookup::{Configured, Lookup};
use crate::credentials::provider::CredentialsProvider;
use crate::sigv4::Credentials;

const DIRECTORY: &str = "AWS_LOGIN_CACHE_DIRECTORY";
const MAX_FILE_BYTES: u64 = 256 * 1024;
const NAMES: KeyNames = KeyNames { id: "accessKeyId", secret: "secretAccessKey", token: "sessionToken" };

/// The file in which `aws login` stores a session.
struct Login {
    file: PathBuf,
    /// The setting that names the session.
    origin: String,
    profile: String,
    clock: Arc<dyn Clock>,
}

/// Returns the session that the profile configures.
pub(super) fn profile(lookup: &Lookup<'_>, profile: &Profile) -> Configured {
    let Some(session) = profile.setting("login_session") else { return Ok(None) };
    let directory = lookup.env.var(DIRECTORY).map(PathBuf::from);
    let directory = directory.or_else(|| Some(lookup.env.home()?.join(".aws/login/cache")));
    let Some(directory) = directory else {
        let message = format!("there is no home directory, where the session of {} is stored", session.origin);
        return Err(Error::setup(message).with_hint(format!("set HOME or {DIRECTORY}")));
    };
    let name = Digest::of(session.value.trim().as_bytes()).hex();
    Ok(Some(Arc::new(Login {
        file: directory.join(format!("{name}.json")),
        origin: session.origin,
        profile: profile.name().to_owned(),
        clock: lookup.context.clock.clone(),
    })))
}

impl Login {
    fn read(&self) -> Result<Credentials> {
        let text = read_text(&self.file, "login session", MAX_FILE_BYTES)?;
        let credentials = read(text.as_bytes(), &self.origin()).map_err(|problem| {
            Error::access(format!("{} is not a login session", self.file.display())).with_source(problem)
        })?;
        if credentials.expires.is_some_and(|expires| expires <= self.clock.now()) {
            return Err(Error::access("the login session has expired, and only the AWS CLI can refresh it"));
        }
        Ok(credentials)
    }
}

/// Parses the file. Errors do not quote it.
pub(crate) fn read(text: &[u8], origin: &str) -> std::result::Result<Credentials, Problem> {
    let document = JsonObject::parse(text)?;
    if let Some(key) = ["clientId", "refreshToken", "dpopKey"].into_iter().find(|key| document.text(key).is_none()) {
        return Err(Problem::new(format!("it has no {key}")));
    }
    let access = document.object("accessToken").ok_or_else(|| Problem::new("it has no accessToken"))?;
    let expires = access.time("expiresAt")?.ok_or_else(|| Problem::new("its accessToken has no expiresAt"))?;
    access.credentials(NAMES, Some(expires), origin)
}

impl CredentialsProvider for Login {
    fn credentials(&self) -> Result<Credentials> {
        let hint = format!("log in again: aws login --profile '{}'", self.profile);
        self.read().map_err(|error| error.with_hint(hint))
    }

    fn origin(&self) -> String {
        format!("the session of {}", self.origin)
    }
}
