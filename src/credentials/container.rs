//! The role of a container: ECS, CodeBuild, EKS Pod Identity, and others that provide credentials over HTTP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::aws::service::{Limits, ServiceContext, ServiceEndpoint, ServiceRequest, ServiceResponse, send, shown};
use crate::aws::{JsonObject, KeyNames, check_quotes, read_text};
use crate::base::{Error, Problem, Result};
use crate::config::EndpointUrl;
use crate::credentials::lookup::{Configured, Lookup};
use crate::credentials::provider::CredentialsProvider;
use crate::http::{Method, Timeouts};
use crate::sigv4::Credentials;

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const ECS_HOST: &str = "169.254.170.2";
/// Addresses besides loopback that may be reached over plain HTTP: the agents of ECS and EKS.
const AGENTS: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];
const MAX_TOKEN_BYTES: u64 = 64 * 1024;
const ATTEMPTS: u32 = 3;
const NAMES: KeyNames = KeyNames { id: "AccessKeyId", secret: "SecretAccessKey", token: "Token" };

/// Resolves a host to its addresses.
type Resolve = dyn Fn(&str) -> io::Result<Vec<IpAddr>>;

/// The agent that provides a container's role.
struct Container {
    context: ServiceContext,
    endpoint: ServiceEndpoint,
    target: String,
    authorization: Authorization,
    variable: &'static str,
}

enum Authorization {
    None,
    Token(String),
    /// Read again for every request.
    File(PathBuf),
}

/// Returns the agent that the environment configures. The relative URI takes precedence.
///
/// # Errors
/// If the URL is invalid, or a token must not be sent to it.
pub(super) fn environment(lookup: &Lookup<'_>) -> Configured {
    [RELATIVE, FULL, TOKEN, TOKEN_FILE].iter().try_for_each(|name| check_quotes(lookup.env, name))?;
    let variable = |name| lookup.env.var(name);
    let (variable, (endpoint, target)) = if let Some(path) = variable(RELATIVE) {
        (RELATIVE, relative(&path)?)
    } else if let Some(url) = variable(FULL) {
        (FULL, full(&url, &addresses)?)
    } else {
        return Ok(None);
    };
    let authorization = match (lookup.env.var(TOKEN_FILE), lookup.env.var(TOKEN)) {
        (Some(file), _) => Authorization::File(file.into()),
        (None, Some(token)) => Authorization::Token(token),
        (None, None) => Authorization::None,
    };
    Ok(Some(Arc::new(Container { context: lookup.context.clone(), endpoint, target, authorization, variable })))
}

/// Parses the relative URI, a path on the ECS agent.
///
/// # Errors
/// If it is not a path.
pub(crate) fn relative(path: &str) -> Result<(ServiceEndpoint, String)> {
    if !path.starts_with('/') || !is_target(path) {
        return Err(Error::setup(format!("{RELATIVE} is not a path"))
            .with_hint("it must begin with /: leave it as ECS sets it"));
    }
    Ok((ServiceEndpoint { https: false, host: ECS_HOST.to_owned(), base_path: String::new() }, path.to_owned()))
}

/// Parses the full URL, which is never shown: the agent may identify the container by its path.
pub(crate) fn full(url: &str, resolve: &Resolve) -> Result<(ServiceEndpoint, String)> {
    let not_url = || {
        Error::setup(format!("{FULL} is not an http:// or https:// URL")).with_hint("leave it as EKS or ECS sets it")
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(not_url)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end).ok_or_else(not_url)?;
    let target = target.split('#').next().unwrap_or_default();
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    if !is_target(&target) || authority.contains('@') {
        return Err(not_url());
    }
    let parsed = EndpointUrl::parse(&format!("{scheme}://{authority}"), FULL).map_err(|_| not_url())?;
    let endpoint = ServiceEndpoint::of(&parsed).ok_or_else(not_url)?;
    if let EndpointUrl::Http { https: false, host, .. } = &parsed {
        check_host(host, resolve)?;
    }
    Ok((endpoint, target))
}

/// Rejects hosts that must not receive a token over plain HTTP.
fn check_host(host: &str, resolve: &Resolve) -> Result<()> {
    let hint = "use https://; http:// is only for loopback and the agents of ECS and EKS (169.254.170.2, \
                169.254.170.23, [fd00:ec2::23])";
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<IpAddr> = match bare.parse() {
        Ok(address) => vec![address],
        Err(_) => match resolve(host) {
            Ok(found) => found,
            Err(error) => {
                let message = format!("{FULL}: there is no host {host}");
                return Err(Error::setup(message).with_hint(hint).with_source(error));
            }
        },
    };
    let allowed = |address: &IpAddr| {
        let address = address.to_canonical();
        address.is_loopback() || AGENTS.contains(&address)
    };
    if addresses.is_empty() || !addresses.iter().all(allowed) {
        return Err(Error::setup(format!("{FULL} sends credentials to {host} without TLS")).with_hint(hint));
    }
    Ok(())
}

fn addresses(host: &str) -> io::Result<Vec<IpAddr>> {
    Ok((host, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

fn is_target(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Container {
    fn token(&self) -> Result<String> {
        let (token, variable) = match &self.authorization {
            Authorization::None => return Ok(String::new()),
            Authorization::Token(token) => (token.clone(), TOKEN),
            Authorization::File(path) => {
                let text = read_text(path, "authorization token file", MAX_TOKEN_BYTES);
                let hint = format!("{TOKEN_FILE} names the file: check that it exists and is readable");
                (text.map_err(|error| error.with_hint(hint))?, TOKEN_FILE)
            }
        };
        if !token.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
            let message = format!("the token of {variable} contains a line break or another control character");
            let hint = "remove line breaks from the token, also at the end of the file";
            return Err(Error::access(message).with_hint(hint));
        }
        Ok(token)
    }

    fn refusal(&self, response: &ServiceResponse, token: &str) -> Error {
        let json = response.header("content-type") == Some("application/json");
        let document = if json { JsonObject::parse(&response.body).unwrap_or_default() } else { JsonObject::default() };
        let raw = String::from_utf8_lossy(&response.body);
        let (code, reason) = if json { (document.text("code"), document.text("message")) } else { (None, Some(&*raw)) };
        let error = response.refusal(&self.what(), code, reason, &[token, &self.target]);
        let hint = match response.status() {
            401 | 403 => "the agent rejected the token: check that this is the pod or task it was issued to",
            404 => "the container has no role: assign one to the task or the service account",
            429 => "the agent throttles requests: try again later",
            _ => "check the log of the agent (ECS agent, EKS Pod Identity agent)",
        };
        error.with_hint(hint)
    }

    fn what(&self) -> String {
        format!("the container's credentials at {}", self.endpoint.url())
    }
}

/// Parses the agent's response. Errors do not quote it.
pub(crate) fn read(body: &[u8], origin: &str) -> std::result::Result<Credentials, Problem> {
    let document = JsonObject::parse(body)?;
    document.credentials(NAMES, document.time("Expiration")?, origin)
}

impl CredentialsProvider for Container {
    fn credentials(&self) -> Result<Credentials> {
        let token = self.token()?;
        // Never use a proxy: the agent identifies its container by the address that a request comes from.
        let timeouts = Timeouts { connect: Duration::from_secs(2), stall: Duration::from_secs(5) };
        let client = self.context.client(&self.endpoint, timeouts)?;
        let limits =
            Limits { answer: timeouts.stall, attempts: ATTEMPTS, longest_pause: Duration::from_secs(1), until: None };
        let make = || {
            let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
            if !token.is_empty() {
                headers.push(("authorization".to_owned(), token.clone()));
            }
            Ok(ServiceRequest { method: Method::Get, target: self.target.clone(), headers, body: None })
        };
        let transient = |response: &ServiceResponse| response.is_transient(None) || response.status() == 429;
        let response = send((&self.context, &client), &self.endpoint, limits, &make, &transient);
        let response = response.map_err(|none| none.explain(&self.what(), &self.endpoint))?;
        if !response.is_success() {
            return Err(self.refusal(&response, &token));
        }
        read(&response.body, &self.origin()).map_err(|problem| {
            Error::access(format!("{} returned an unusable response", self.what()))
                .with_hint("check that the endpoint is the agent")
                .with_source(problem)
        })
    }

    fn origin(&self) -> String {
        format!("the container's role at {} ({})", shown(&self.endpoint.url(), &[]), self.variable)
    }
}

#[cfg(test)]
mod tests;
