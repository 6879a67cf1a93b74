//! The login that `aws sso login` stores in a file, refreshed if possible.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::aws::service::{Service, ServiceContext, ServiceRequest, ServiceResponse, exchange};
use crate::aws::{JsonObject, read_text};
use crate::base::{Error, Problem, Result, Secret};
use crate::credentials::lookup::Lookup;
use crate::files::TempFolder;
use crate::go::Timestamp;
use crate::http::Method;

/// A login is a few kilobytes.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// The file that contains the login.
pub(super) struct TokenFile {
    path: PathBuf,
    /// The service that refreshes the login; logins in the legacy format cannot be refreshed.
    oidc: Option<Service>,
    /// The command that creates a new login.
    login: String,
}

impl TokenFile {
    /// Locates the login by `key`: the untrimmed session name, or the start URL.
    pub(super) fn new(lookup: &Lookup<'_>, home: &Path, key: &str, refreshable: bool, login: String) -> Result<Self> {
        let name = hex::encode(Sha1::digest(key.as_bytes()));
        let oidc =
            if refreshable { Some(Service::find(lookup.context, lookup.profile, "sso_oidc", "oidc")?) } else { None };
        Ok(Self { path: home.join(".aws/sso/cache").join(format!("{name}.json")), oidc, login })
    }

    /// Returns the command that creates a new login.
    pub(super) fn login(&self) -> &str {
        &self.login
    }

    /// Returns the access token, from the file or refreshed.
    pub(super) fn current(&self, context: &ServiceContext, region: &str) -> Result<Secret> {
        let text = read_text(&self.path, "SSO login", MAX_FILE_BYTES).map_err(|error| self.log_in_again(error))?;
        let (document, token, expires) = read(text.as_bytes()).map_err(|problem| {
            let error = Error::access(format!("{} is not an SSO login", self.path.display()));
            self.log_in_again(error.with_source(problem))
        })?;
        if context.clock.now() < expires {
            return Ok(token);
        }
        match &self.oidc {
            Some(oidc) => self.refresh(oidc, document, context, region),
            None => Err(self.log_in_again(Error::access("the SSO login has expired"))),
        }
    }

    fn log_in_again(&self, error: Error) -> Error {
        error.with_hint(format!("log in again: {}", self.login))
    }

    fn refresh(
        &self,
        oidc: &Service,
        mut document: JsonObject,
        context: &ServiceContext,
        region: &str,
    ) -> Result<Secret> {
        let part = |key| document.text(key).map(str::to_owned);
        let parts = (part("refreshToken"), part("clientId"), part("clientSecret"));
        let (Some(refresh), Some(id), Some(secret)) = parts else {
            return Err(self.log_in_again(Error::access("the SSO login has expired and cannot be refreshed")));
        };
        let (endpoint, _) = oidc.endpoint(context, region)?;
        let body = json!({
            "clientId": id, "clientSecret": secret, "grantType": "refresh_token", "refreshToken": refresh,
        });
        let make = || {
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            let target = format!("{}/token", endpoint.base_path);
            Ok(ServiceRequest { method: Method::Post, target, headers, body: Some(body.to_string().into_bytes()) })
        };
        let what = format!("CreateToken at {}", endpoint.url());
        let transient = |response: &ServiceResponse| response.is_transient(response.error_type());
        let response = exchange(context, &endpoint, &what, &make, &transient)?;
        let answer = JsonObject::parse(&response.body).unwrap_or_default();
        let seconds = answer.get("expiresIn").and_then(Value::as_u64).map(Duration::from_secs);
        let (true, Some(token), Some(seconds)) = (response.is_success(), answer.text("accessToken"), seconds) else {
            let code = response.error_type().or_else(|| answer.text("error"));
            let reason = answer.text("error_description").or_else(|| answer.text("message"));
            let secrets = [refresh.as_str(), secret.as_str()];
            return Err(self.log_in_again(response.refusal(
                &format!("the SSO login has expired; {what}"),
                code,
                reason,
                &secrets,
            )));
        };
        let expires = context.clock.now().checked_add(seconds).unwrap_or(SystemTime::UNIX_EPOCH);
        let whole = Duration::from_secs(expires.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs());
        let expires = Timestamp::from(SystemTime::UNIX_EPOCH + whole).to_string();
        set(&mut document, "accessToken", token);
        set(&mut document, "expiresAt", &expires);
        if let Some(refresh) = answer.text("refreshToken") {
            set(&mut document, "refreshToken", refresh);
        }
        if let Err(error) = replace(&self.path, Value::Object(document.0).to_string().as_bytes()) {
            log::warn!("the refreshed SSO login is not saved: {}", error.chain());
        }
        Ok(Secret::from(token))
    }
}

/// Parses the file and returns its content, the access token and the token's expiry.
pub(crate) fn read(text: &[u8]) -> std::result::Result<(JsonObject, Secret, SystemTime), Problem> {
    let document = JsonObject::parse(text)?;
    let token = Secret::from(document.text("accessToken").ok_or_else(|| Problem::new("it has no accessToken"))?);
    let expires = document.time("expiresAt")?.ok_or_else(|| Problem::new("it has no expiresAt"))?;
    Ok((document, token, expires))
}

/// Sets a value, replacing the key in any capitalisation.
fn set(document: &mut JsonObject, key: &str, value: &str) {
    document.0.retain(|name, _| !name.eq_ignore_ascii_case(key));
    document.0.insert(key.to_owned(), Value::from(value));
}

/// Replaces the file atomically and keeps its mode, because other processes may be reading it.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error| Error::io("replace", path, error);
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o777;
    let temp = TempFolder::new(path.parent().unwrap_or(Path::new("."))).create(0o600)?;
    temp.file().write_all(bytes).map_err(failed)?;
    temp.set_mode(mode);
    temp.persist(path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_that_are_refreshed_at_the_same_time_stay_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("login.json");
        fs::write(&path, "old").unwrap();
        std::thread::scope(|scope| {
            for letter in ["a", "b", "c", "d"] {
                let (path, login) = (&path, letter.repeat(100_000));
                scope.spawn(move || (0..20).for_each(|_| replace(path, login.as_bytes()).unwrap()));
            }
        });
        let kept = fs::read_to_string(&path).unwrap();
        assert_eq!(kept, kept[..1].repeat(100_000));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
