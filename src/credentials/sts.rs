//! Actions of the Security Token Service.

use std::cell::RefCell;

use crate::base::{Digest, Element, Error, Problem, Result, Secret, percent_encode_query};
use crate::config::EndpointUrl;
use crate::credentials::aws_host::Service;
use crate::credentials::context::Context;
use crate::credentials::document::fetched;
use crate::credentials::service::{self, Message, Patience, Reply, Site};
use crate::credentials::{Denial, KeyMistake, Profile, Reason, is_opt_in, opt_in_hint};
use crate::go::Timestamp;
use crate::http::{Method, Timeouts};
use crate::sigv4::Credentials;
use crate::sigv4::{self, Signable, SigningScope};

const VERSION: &str = "2011-06-15";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

const NOT_STS: &str = "is what answers there the Security Token Service? AWS_ENDPOINT_URL_STS names it";

const NO_REASON: &str = "no reason is given: check whether a proxy, or the policy of a VPC endpoint, blocks STS";

/// The Security Token Service in the cache's region.
pub(super) struct Sts {
    context: Context,
    service: Service,
}

/// An action and its caller.
pub(super) struct Action<'a> {
    pub(super) name: &'static str,
    /// The parameters in alphabetical order, without `Action` and `Version`.
    pub(super) form: &'a [(&'a str, &'a str)],
    /// The keys to sign with.
    pub(super) signer: Option<&'a Credentials>,
    /// Secrets to redact if the response echoes them.
    pub(super) secrets: &'a [&'a str],
    /// Additional error codes that a retry can resolve.
    pub(super) transient: &'a [&'a str],
    pub(super) hint: fn(code: &str) -> Option<&'static str>,
}

impl Sts {
    /// # Errors
    /// If a setting contains an invalid endpoint.
    pub(super) fn find(context: &Context, profile: &Profile) -> Result<Self> {
        Ok(Self { context: context.clone(), service: Service::find(context, profile, "sts", "sts")? })
    }

    /// Returns the endpoint from the settings, if any.
    pub(super) fn custom(&self) -> Option<&EndpointUrl> {
        self.service.custom()
    }

    /// Generates a unique session name.
    pub(super) fn session_name(&self) -> String {
        let since = self.context.clock.now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default();
        format!("s3-build-cache-{}", since.as_nanos())
    }

    /// Sends the action and returns its result as parsed by `read`.
    ///
    /// # Errors
    /// [`Error::Access`] if STS refuses or its response is invalid; [`Error::Network`] if it does not respond.
    pub(super) fn call<T>(
        &self,
        action: &Action<'_>,
        read: &dyn Fn(&Element) -> std::result::Result<T, Problem>,
    ) -> Result<T> {
        let (site, region) = self.service.site(&self.context, &self.context.region).map_err(Error::Access)?;
        let client = self.context.client((site.https, &site.host), Timeouts::REMOTE)?;
        let signature = RefCell::new(None);
        let make = || {
            let message = self.message(action, &site, &region);
            signature.replace(sigv4::signature_of(&message.headers));
            Ok(message)
        };
        let transient = |reply: &Reply| {
            let refusal = Refusal::read(&reply.body);
            let code = refusal.code.as_deref();
            reply.is_transient(code) || code.is_some_and(|code| action.transient.contains(&code))
        };
        let what = format!("{} at {}", action.name, site.url());
        let reply = service::send((&self.context, &client), &site, Patience::remote(&self.context), &make, &transient);
        let reply = reply.map_err(|none| none.explain(&what, &site))?;
        if !reply.is_success() {
            let refusal = Refusal::read(&reply.body);
            let Refusal { code, message } = &refusal;
            let signature = signature.into_inner();
            let secrets: Vec<&str> =
                action.secrets.iter().copied().chain(signature.as_ref().map(Secret::expose)).collect();
            let problem = reply.refusal(&what, code.as_deref(), message.as_deref(), &secrets);
            let by_code = || {
                let code = code.as_deref()?;
                (action.hint)(code).or_else(|| common_hint(code)).map(str::to_owned)
            };
            let other = || {
                match (reply.status(), &code) {
                    _ if transient(&reply) => "STS failed: try again later",
                    (401 | 403, None) => NO_REASON,
                    _ => NOT_STS,
                }
                .to_owned()
            };
            let hint = refusal.hint(action, &region).or_else(by_code).unwrap_or_else(other);
            return Err(Error::Access(problem.hint(hint)));
        }
        result(action.name, &reply.body).and_then(|result| read(&result)).map_err(|problem| {
            let outer = Problem::new(format!("{what} gave an answer without what was asked for")).hint(NOT_STS);
            Error::Access(outer.source(Error::Access(problem)))
        })
    }

    fn message(&self, action: &Action<'_>, site: &Site, region: &str) -> Message {
        let (first, last) = ([("Action", action.name)], [("Version", VERSION)]);
        // `Version` sorts before names that begin with W.
        let (before, after): (Vec<_>, Vec<_>) = action.form.iter().copied().partition(|(name, _)| *name < "Version");
        let pairs = first.into_iter().chain(before).chain(last).chain(after);
        let pairs: Vec<String> =
            pairs.map(|(name, value)| format!("{name}={}", percent_encode_query(value).replace("%20", "+"))).collect();
        let body = pairs.join("&").into_bytes();
        let path = format!("{}/", site.base_path);
        let mut headers = vec![("host".to_owned(), site.host.clone()), ("content-type".to_owned(), FORM.to_owned())];
        if let Some(signer) = action.signer {
            let payload_hash = Digest::of(&body).hex();
            let request = Signable { method: "POST", path: &path, query: "", payload_hash: &payload_hash };
            let scope = SigningScope { region, service: "sts", time: self.context.clock.now() };
            sigv4::sign(&mut headers, &request, signer, scope);
        }
        Message { method: Method::Post, target: path, headers, body: Some(body) }
    }
}

/// An error response from STS.
#[derive(Default)]
pub(crate) struct Refusal {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

impl Refusal {
    pub(crate) fn read(body: &[u8]) -> Self {
        let Ok(root) = Element::parse(body) else { return Self::default() };
        let error = child(&root, "Error").unwrap_or(&root);
        Self { code: text(error, "Code").map(str::to_owned), message: text(error, "Message").map(str::to_owned) }
    }

    /// Returns the fix if the message or the signing keys reveal more than the error code.
    pub(super) fn hint(&self, action: &Action<'_>, region: &str) -> Option<String> {
        let message = self.message.as_deref().unwrap_or_default();
        let name = format!("sts:{}", action.name);
        if let Some(denial) = Denial::read(message) {
            // The error code already says as much.
            let known = denial.reason == Reason::NotAllowed(None) && denial.action.as_ref() == Some(&name);
            return (!known).then(|| denial.hint(&name));
        }
        let signer = action.signer?;
        match self.code.as_deref()? {
            "SignatureDoesNotMatch" if message.contains("scoped to a valid region") => {
                Some(format!("STS has no region {region}: set region to the one whose STS gives the credentials"))
            }
            code @ ("InvalidClientTokenId" | "IncompleteSignature" | "SignatureDoesNotMatch") => {
                let mistake = KeyMistake::find(signer).map(|mistake| mistake.hint("where they are configured"));
                let opt_in = || match signer.session_token {
                    Some(_) => opt_in_hint(region),
                    None => is_opt_in(region).then(|| {
                        format!(
                            "STS does not know the access key: check that its account has enabled the opt-in region \
                             {region}"
                        )
                    }),
                };
                mistake.or_else(|| if code == "InvalidClientTokenId" { opt_in() } else { None })
            }
            _ => None,
        }
    }
}

/// Extracts the result of an action. Errors do not quote the response, which may contain secrets.
pub(crate) fn result(action: &str, body: &[u8]) -> std::result::Result<Element, Problem> {
    let root = Element::parse(body).map_err(|_| Problem::new("it is not one XML document"))?;
    let name = format!("{action}Result");
    let result = root.children.into_iter().find(|child| child.name.eq_ignore_ascii_case(&name));
    result.ok_or_else(|| Problem::new(format!("it has no {name}")))
}

/// Extracts the credentials from the result of an action, with `origin` as their origin.
pub(crate) fn credentials(result: &Element, origin: &str) -> std::result::Result<Credentials, Problem> {
    let credentials = child(result, "Credentials").ok_or_else(|| Problem::new("it has no Credentials"))?;
    let need = |name| text(credentials, name).ok_or_else(|| Problem::new(format!("its Credentials have no {name}")));
    let keys = (need("AccessKeyId")?, need("SecretAccessKey")?, Some(need("SessionToken")?));
    let expiration = need("Expiration")?;
    let time = expiration.parse().or_else(|_| format!("{expiration}Z").parse::<Timestamp>());
    let time = time.ok().and_then(Timestamp::to_system_time);
    let expires = time.ok_or_else(|| Problem::new("its Expiration is not a time"))?;
    fetched(keys, Some(expires), origin)
}

/// Finds a child element, ignoring ASCII case as the Go SDK does.
fn child<'a>(element: &'a Element, name: &str) -> Option<&'a Element> {
    element.children.iter().find(|child| child.name.eq_ignore_ascii_case(name))
}

pub(super) fn text<'a>(element: &'a Element, name: &str) -> Option<&'a str> {
    child(element, name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
}

fn common_hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "RegionDisabledException" => "STS is switched off in this region: switch it on in the account, or take another",
        "SignatureDoesNotMatch" => "the keys that the role is assumed with are wrong, or this machine's clock is",
        "RequestExpired" | "RequestTimeTooSkewed" => "this machine's clock is wrong: set it (NTP)",
        "ValidationError" => "check the role's ARN, its session name and its external id",
        _ => return None,
    })
}
