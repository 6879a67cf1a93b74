//! The role of an EC2 instance, from its metadata service: version 2, or version 1 if nothing else is available.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::aws::service::{
    Limits, NoResponse, ServiceContext, ServiceEndpoint, ServiceRequest, ServiceResponse, send, shown,
};
use crate::aws::{JsonObject, KeyNames, Profile, Setting, blame, bool_variable, invalid, variable_or_setting};
use crate::base::{Env, Error, ErrorKind, Problem, Result, Unpoisoned as _, percent_encode_query};
use crate::config::EndpointUrl;
use crate::credentials::provider::CredentialsProvider;
use crate::http::{Client, Method, Timeouts};
use crate::sigv4::Credentials;

const TOKEN_TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aws-ec2-metadata-token";
const TTL_SECONDS: &str = "300";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const IPV4: &str = "http://169.254.169.254";
const IPV6: &str = "http://[fd00:ec2::254]";
const ATTEMPTS: u32 = 3;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// If nothing answers within this time, the machine is not an instance, and no request is retried.
const GIVE_UP: Duration = Duration::from_secs(2);
/// How long to keep using expired credentials. An instance that cannot refresh its credentials returns expired ones,
/// which AWS continues to honour.
const EXTENSION: Duration = Duration::from_secs(10 * 60);
/// Credentials are refreshed at least once an hour.
const LONGEST_LIFE: Duration = Duration::from_secs(60 * 60);
const NAMES: KeyNames = KeyNames { id: "AccessKeyId", secret: "SecretAccessKey", token: "Token" };

/// The location of the metadata service and the restrictions on its use.
#[derive(Clone)]
pub(super) struct ImdsSettings {
    /// Not validated until it is needed, so that an invalid value does not affect users of other credentials.
    endpoint: Setting<String>,
    disabled: bool,
    v1_disabled: bool,
}

/// The instance's metadata service.
pub(super) struct Imds {
    context: ServiceContext,
    endpoint: ServiceEndpoint,
    settings: ImdsSettings,
    /// Whether version 2 is unavailable, as far as is known.
    v1: AtomicBool,
    /// The last credentials it returned.
    last: Mutex<Option<Credentials>>,
}

/// How the service refused a request.
enum Refused {
    /// The service rejected the request; retrying with a new token may succeed.
    Unauthorized(Error),
    Final(Error),
}

impl ImdsSettings {
    /// # Errors
    /// If a setting is invalid, whether or not the service will be queried.
    pub(super) fn find(env: &dyn Env, profile: &Profile) -> Result<Self> {
        let mode = variable_or_setting(
            env,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
            profile,
            "ec2_metadata_service_endpoint_mode",
        );
        let mut url = IPV4;
        if let Some(mode) = mode.filter(|mode| !mode.value.trim().is_empty()) {
            match mode.value.trim().to_ascii_lowercase().as_str() {
                "ipv4" => {}
                "ipv6" => url = IPV6,
                _ => return Err(invalid(&mode, "set it to IPv4 or IPv6")),
            }
        }
        let own =
            variable_or_setting(env, "AWS_EC2_METADATA_SERVICE_ENDPOINT", profile, "ec2_metadata_service_endpoint");
        let endpoint = own.unwrap_or_else(|| Setting::new(url.to_owned(), ""));
        let v1_disabled = match bool_variable(env, "AWS_EC2_METADATA_V1_DISABLED")? {
            Some(set) => set.value,
            None => profile.get("ec2_metadata_v1_disabled").is_some_and(|text| text.eq_ignore_ascii_case("true")),
        };
        // Parsed leniently, as in the SDKs: any other value is ignored.
        let disabled = env.var("AWS_EC2_METADATA_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Ok(Self { endpoint, disabled, v1_disabled })
    }
}

impl Imds {
    /// # Errors
    /// If the setting contains an invalid endpoint.
    pub(super) fn new(context: &ServiceContext, settings: &ImdsSettings) -> Result<Self> {
        let Setting { value, origin } = &settings.endpoint;
        let parsed = EndpointUrl::parse(value.trim(), "the URL").map_err(|error| blame(origin, error))?;
        let is_file = || Error::setup(format!("{origin} is a file: URL")).with_hint(format!("set it to {IPV4}"));
        let endpoint = ServiceEndpoint::of(&parsed).ok_or_else(is_file)?;
        let endpoint = ServiceEndpoint { base_path: String::new(), ..endpoint };
        Ok(Self {
            context: context.clone(),
            endpoint,
            settings: settings.clone(),
            v1: AtomicBool::new(false),
            last: Mutex::default(),
        })
    }

    fn what(&self) -> String {
        format!("the instance's metadata service at {}", self.endpoint.url())
    }

    fn limits(&self, until: Duration) -> Limits {
        Limits { answer: ANSWER_TIMEOUT, attempts: ATTEMPTS, longest_pause: LONGEST_PAUSE, until: Some(until) }
    }

    /// Returns the token for this fetch, or `None` to use version 1, which needs none.
    fn token(&self, client: &Client, until: Duration) -> Result<Option<String>> {
        if self.v1.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let make = || {
            let headers = vec![(TOKEN_TTL.to_owned(), TTL_SECONDS.to_owned())];
            Ok(ServiceRequest { method: Method::Put, target: "/latest/api/token".to_owned(), headers, body: None })
        };
        let transient = |response: &ServiceResponse| response.is_transient(None);
        let endpoint = &self.endpoint;
        let (error, for_good) = match send((&self.context, client), endpoint, self.limits(until), &make, &transient) {
            Ok(response) if response.is_success() => match token_of(&response) {
                Some(token) => return Ok(Some(token)),
                None => (Error::access(format!("{} returned an invalid token", self.what())), false),
            },
            Ok(response) => {
                let error = response.refusal(&format!("{} returned no token", self.what()), None, None, &[]);
                if response.status() == 400 {
                    return Err(error.with_hint("check that the endpoint is the metadata service"));
                }
                (error, matches!(response.status(), 403..=405))
            }
            Err(NoResponse::Own(error)) => return Err(error),
            Err(NoResponse::Fault(fault)) => {
                (Error::access(format!("{} did not answer", self.what())).with_source(fault), true)
            }
        };
        if self.settings.v1_disabled {
            return Err(error);
        }
        log::debug!("{}; trying version 1", error.chain());
        if for_good {
            self.v1.store(true, Ordering::Relaxed);
        }
        Ok(None)
    }

    fn get(
        &self,
        client: &Client,
        path: &str,
        token: Option<&str>,
        until: Duration,
    ) -> std::result::Result<ServiceResponse, Refused> {
        let make = || {
            let headers = token.map(|token| (TOKEN.to_owned(), token.to_owned())).into_iter().collect();
            Ok(ServiceRequest { method: Method::Get, target: path.to_owned(), headers, body: None })
        };
        let transient = |response: &ServiceResponse| response.is_transient(None);
        let endpoint = &self.endpoint;
        match send((&self.context, client), endpoint, self.limits(until), &make, &transient) {
            Ok(response) if response.is_success() => Ok(response),
            Ok(response) => {
                let error = response.refusal(&self.what(), None, None, &[]);
                Err(match response.status() {
                    401 => Refused::Unauthorized(error.with_hint(
                        "it requires version 2 (IMDSv2), whose responses do not reach containers with a hop limit of \
                         1: set http-put-response-hop-limit to 2",
                    )),
                    404 => Refused::Final(error.with_hint(
                        "the instance has no role: attach an instance profile, or configure other credentials",
                    )),
                    _ => Refused::Final(error),
                })
            }
            Err(NoResponse::Own(error)) => Err(Refused::Final(error)),
            // No hint: most likely this machine is not an instance, and the user needs to configure another source.
            Err(NoResponse::Fault(fault)) => {
                Err(Refused::Final(Error::access(format!("{} did not answer", self.what())).with_source(fault)))
            }
        }
    }

    fn fetch(&self, client: &Client, until: Duration) -> std::result::Result<Credentials, Refused> {
        let token = self.token(client, until).map_err(Refused::Final)?;
        let token = token.as_deref();
        let list = self.get(client, ROLES, token, until)?;
        let list = String::from_utf8_lossy(&list.body);
        // A response from anything else, which may contain credentials, must not become part of a URL.
        let is_name = |line: &str| line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@-_".contains(&byte));
        let first = list.lines().map(str::trim).find(|line| !line.is_empty());
        let Some(role) = first.filter(|line| is_name(line)) else {
            let error = Error::access(format!("{} names no role", self.what()));
            return Err(Refused::Final(error.with_hint("attach an instance profile to the instance")));
        };
        let response = self.get(client, &format!("{ROLES}{}", percent_encode_query(role)), token, until)?;
        read(&response.body, self.context.clock.now(), &self.origin()).map_err(|problem| {
            let message = format!("{} returned no usable credentials for role {}", self.what(), shown(role, &[]));
            let hint = "check the instance profile and its role; a new one takes a few minutes to apply";
            Refused::Final(Error::access(message).with_hint(hint).with_source(problem))
        })
    }
}

/// Parses the metadata service's response, received at `now`. Errors show no secret of it.
pub(crate) fn read(body: &[u8], now: SystemTime, origin: &str) -> std::result::Result<Credentials, Problem> {
    let document = JsonObject::parse(body)?;
    let code = document.text("Code").ok_or_else(|| Problem::new("it has no Code"))?;
    if !code.eq_ignore_ascii_case("Success") {
        // Any other value in the response may be a secret.
        let others = document.0.iter().filter(|(key, _)| !["code", "message"].contains(&&*key.to_ascii_lowercase()));
        let secrets: Vec<&str> = others.filter_map(|(_, value)| value.as_str()).filter(|text| text.len() > 8).collect();
        let reason = document.text("Message").unwrap_or_default();
        return Err(Problem::new(format!("{}: {}", shown(code, &secrets), shown(reason, &secrets))));
    }
    let expires = document.time("Expiration")?.ok_or_else(|| Problem::new("it has no Expiration"))?;
    document.credentials(NAMES, Some(lifetime(expires, now)), origin)
}

/// Returns until when to use credentials that expire at `expires` before refreshing them.
fn lifetime(expires: SystemTime, now: SystemTime) -> SystemTime {
    if expires <= now {
        log::warn!("the instance's credentials have expired and its metadata service has no newer ones; using them");
        return now + EXTENSION;
    }
    expires.min(now + LONGEST_LIFE)
}

/// Extracts the token. A response without the token's lifetime did not come from the metadata service.
fn token_of(response: &ServiceResponse) -> Option<String> {
    response.header(TOKEN_TTL)?.parse::<u32>().ok()?;
    let token = String::from_utf8_lossy(&response.body).trim().to_owned();
    (!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())).then_some(token)
}

impl Imds {
    fn ask(&self) -> Result<Credentials> {
        if self.settings.disabled {
            let message = "the instance's metadata service is disabled by AWS_EC2_METADATA_DISABLED";
            return Err(Error::access(message));
        }
        // Never use a proxy: it would reach its own machine's metadata service.
        let client = self.context.client(&self.endpoint, Timeouts::LOCAL)?;
        let until = self.context.clock.monotonic() + GIVE_UP;
        match self.fetch(&client, until) {
            Ok(credentials) => Ok(credentials),
            Err(Refused::Final(error)) => Err(error),
            // Retry once with a new token, which the service may not have required before.
            Err(Refused::Unauthorized(_)) => {
                self.v1.store(false, Ordering::Relaxed);
                self.fetch(&client, until).map_err(|refused| match refused {
                    Refused::Unauthorized(error) | Refused::Final(error) => error,
                })
            }
        }
    }
}

impl CredentialsProvider for Imds {
    fn credentials(&self) -> Result<Credentials> {
        let asked = self.ask();
        let mut last = self.last.lock().unpoisoned();
        match (asked, &mut *last) {
            (Ok(credentials), last) => {
                *last = Some(credentials.clone());
                Ok(credentials)
            }
            // AWS accepts them past their stated expiry while the instance cannot get new ones.
            (Err(error), Some(last)) if error.kind() != ErrorKind::Cancelled => {
                log::warn!("{}; continuing with the instance's previous credentials", error.chain());
                last.expires = last.expires.max(Some(self.context.clock.now() + EXTENSION));
                Ok(last.clone())
            }
            (Err(error), _) => Err(error),
        }
    }

    fn origin(&self) -> String {
        format!("the instance's role (metadata service at {})", self.endpoint.url())
    }
}

#[cfg(test)]
mod tests;
