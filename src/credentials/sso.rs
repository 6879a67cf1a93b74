//! IAM Identity Center (SSO): credentials for the login that `aws sso login` stores in a file.

mod token;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::aws::service::{Service, ServiceContext, ServiceRequest, ServiceResponse, exchange};
use crate::aws::{JsonObject, KeyNames, Profile, Setting};
use crate::base::{Error, Problem, Result};
use crate::credentials::lookup::{Configured, Lookup};
use crate::credentials::provider::CredentialsProvider;
use crate::http::Method;
use crate::sigv4::{Credentials, canonical_query};
use token::TokenFile;
#[cfg(any(test, fuzzing))]
pub(crate) use token::read as read_login;

const BEARER: &str = "x-amz-sso_bearer_token";
const ACCOUNT: &str = "sso_account_id";
const ROLE: &str = "sso_role_name";
const REGION: &str = "sso_region";
const START_URL: &str = "sso_start_url";
const SESSION: &str = "sso_session";
const NAMES: KeyNames = KeyNames { id: "accessKeyId", secret: "secretAccessKey", token: "sessionToken" };

/// A role in an account, available to anyone who is logged in.
struct Sso {
    context: ServiceContext,
    portal: Service,
    region: String,
    account: String,
    role: String,
    token: TokenFile,
    origin: String,
    profile: String,
}

/// Returns the role that the profile configures, either with its `sso_session` or with all settings in the profile
/// itself.
///
/// # Errors
/// If settings are missing or two of them contradict each other.
pub(super) fn profile(lookup: &Lookup<'_>, profile: &Profile) -> Configured {
    let Some(first) = [SESSION, REGION, START_URL, ACCOUNT, ROLE].iter().find_map(|key| profile.setting(key)) else {
        return Ok(None);
    };
    let session = profile.get(SESSION);
    let (region, start_url) = match session {
        Some(_) => (of_session(profile, REGION)?, of_session(profile, START_URL)?),
        None => (profile.setting(REGION), profile.setting(START_URL)),
    };
    let (account, role) = (profile.setting(ACCOUNT), profile.setting(ROLE));
    let (Some(region), Some(start_url), Some(account), Some(role)) = (&region, &start_url, &account, &role) else {
        let all = [(REGION, &region), (START_URL, &start_url), (ACCOUNT, &account), (ROLE, &role)];
        let missing: Vec<&str> = all.iter().filter(|(_, found)| found.is_none()).map(|(key, _)| *key).collect();
        let message = format!("{} is set without {}", first.origin, missing.join(", "));
        return Err(Error::setup(message).with_hint("run aws configure sso to set up the profile again"));
    };
    let Some(home) = lookup.env.home() else {
        let message = format!("there is no home directory, where the login of {} is stored", first.origin);
        return Err(Error::setup(message).with_hint("set HOME"));
    };
    let login = match session {
        Some(name) => format!("aws sso login --sso-session '{}'", name.trim()),
        None => format!("aws sso login --profile '{}'", profile.name()),
    };
    Ok(Some(Arc::new(Sso {
        context: lookup.context.clone(),
        portal: Service::find(lookup.context, lookup.profile, "sso", "portal.sso")?,
        region: region.value.to_owned(),
        account: account.value.to_owned(),
        role: role.value.to_owned(),
        token: TokenFile::new(lookup, &home, session.unwrap_or(start_url.value), session.is_some(), login)?,
        origin: first.origin,
        profile: profile.name().to_owned(),
    })))
}

/// Returns a setting of the session's section, which the profile may repeat.
fn of_session<'a>(profile: &'a Profile, key: &str) -> Result<Option<Setting<&'a str>>> {
    let (session, own) = (profile.session_setting(key), profile.setting(key));
    match (&session, &own) {
        (Some(session), Some(own)) if session.value != own.value => {
            let message = format!("{} and {} contradict each other", own.origin, session.origin);
            Err(Error::setup(message).with_hint("set it only in the sso-session section"))
        }
        _ => Ok(session),
    }
}

/// Parses the response of `GetRoleCredentials`. Errors do not quote it.
pub(crate) fn read(body: &[u8], origin: &str) -> std::result::Result<Credentials, Problem> {
    let document = JsonObject::parse(body)?;
    let keys = document.object("roleCredentials").ok_or_else(|| Problem::new("it has no roleCredentials"))?;
    let millis = keys.get("expiration").and_then(serde_json::Value::as_u64);
    let expires = millis.and_then(|millis| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis)));
    let expires = expires.ok_or_else(|| Problem::new("its expiration is not a time"))?;
    keys.credentials(NAMES, Some(expires), origin)
}

impl CredentialsProvider for Sso {
    fn credentials(&self) -> Result<Credentials> {
        let token = self.token.current(&self.context, &self.region)?;
        let token = token.expose();
        let (endpoint, _) = self.portal.endpoint(&self.context, &self.region)?;
        let what = format!("GetRoleCredentials at {}", endpoint.url());
        let query = canonical_query(&[("account_id", &self.account), ("role_name", &self.role)]);
        let make = || {
            let target = format!("{}/federation/credentials?{query}", endpoint.base_path);
            let headers = vec![(BEARER.to_owned(), token.to_owned())];
            Ok(ServiceRequest { method: Method::Get, target, headers, body: None })
        };
        let transient = |response: &ServiceResponse| response.is_transient(response.error_type());
        let response = exchange(&self.context, &endpoint, &what, &make, &transient)?;
        if !response.is_success() {
            let document = JsonObject::parse(&response.body).unwrap_or_default();
            let error = response.refusal(&what, response.error_type(), document.text("message"), &[token]);
            return Err(error.with_hint(match response.status() {
                401 => format!("log in again: {}", self.token.login()),
                403 | 404 => format!("check that the user has role {} in account {}", self.role, self.account),
                _ => format!("check the sso_ settings of profile {}", self.profile),
            }));
        }
        read(&response.body, &self.origin()).map_err(|problem| {
            Error::access(format!("{what} returned an unusable response"))
                .with_hint("check that the endpoint is IAM Identity Center (AWS_ENDPOINT_URL_SSO sets it)")
                .with_source(problem)
        })
    }

    fn origin(&self) -> String {
        format!("role {} in account {} by SSO ({})", self.role, self.account, self.origin)
    }
}

#[cfg(test)]
mod tests;
