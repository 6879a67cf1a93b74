//! The Security Token Service: sends actions and returns their results.

mod action;
mod response;

use std::cell::RefCell;
use std::time::SystemTime;

use crate::aws::profile::Profile;
use crate::aws::service::{Service, ServiceContext, ServiceEndpoint, ServiceRequest, ServiceResponse, exchange};
use crate::base::{Digest, Element, Error, Problem, Result, Secret, percent_encode_query};
use crate::config::EndpointUrl;
use crate::http::Method;
use crate::sigv4::{self, Signable, SignatureScope, Token};
use response::common_hint;

pub(crate) use action::StsAction;
pub(crate) use response::{StsRefusal, credentials, result, text};

const VERSION: &str = "2011-06-15";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

const NOT_STS: &str = "check that the endpoint is the Security Token Service (AWS_ENDPOINT_URL_STS sets it)";

const NO_REASON: &str = "no reason is given: check whether a proxy, or the policy of a VPC endpoint, blocks STS";

/// The Security Token Service in the cache's region.
pub(crate) struct Sts {
    context: ServiceContext,
    service: Service,
}

impl Sts {
    /// # Errors
    /// If a setting contains an invalid endpoint.
    pub(crate) fn find(context: &ServiceContext, profile: &Profile) -> Result<Self> {
        Ok(Self { context: context.clone(), service: Service::find(context, profile, "sts", "sts")? })
    }

    /// Returns the endpoint from the settings, if any.
    pub(crate) fn custom(&self) -> Option<&EndpointUrl> {
        self.service.custom()
    }

    /// Generates a unique session name.
    pub(crate) fn session_name(&self) -> String {
        let since = self.context.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        format!("s3-build-cache-{}", since.as_nanos())
    }

    /// Sends the action and returns its result as parsed by `read`.
    ///
    /// # Errors
    /// [`Error::Access`] if STS refuses or its response is invalid; [`Error::Network`] if it does not respond.
    pub(crate) fn call<T>(
        &self,
        action: &StsAction<'_>,
        read: &dyn Fn(&Element) -> std::result::Result<T, Problem>,
    ) -> Result<T> {
        let (endpoint, region) = self.service.endpoint(&self.context, &self.context.region)?;
        let signature = RefCell::new(None);
        let make = || {
            let request = self.request(action, &endpoint, &region);
            signature.replace(sigv4::signature_of(&request.headers));
            Ok(request)
        };
        let transient = |response: &ServiceResponse| {
            let refusal = StsRefusal::read(&response.body);
            let code = refusal.code.as_deref();
            response.is_transient(code) || code.is_some_and(|code| action.transient.contains(&code))
        };
        let what = format!("{} at {}", action.name, endpoint.url());
        let response = exchange(&self.context, &endpoint, &what, &make, &transient)?;
        if !response.is_success() {
            let refusal = StsRefusal::read(&response.body);
            let StsRefusal { code, message } = &refusal;
            let signature = signature.into_inner();
            let secrets: Vec<&str> =
                action.secrets.iter().copied().chain(signature.as_ref().map(Secret::expose)).collect();
            let error = response.refusal(&what, code.as_deref(), message.as_deref(), &secrets);
            let by_code = || {
                let code = code.as_deref()?;
                (action.hint)(code).or_else(|| common_hint(code)).map(str::to_owned)
            };
            let other = || {
                match (response.status(), &code) {
                    _ if transient(&response) => "STS failed: try again later",
                    (401 | 403, None) => NO_REASON,
                    _ => NOT_STS,
                }
                .to_owned()
            };
            let hint = refusal.hint(action, &region).or_else(by_code).unwrap_or_else(other);
            return Err(error.with_hint(hint));
        }
        result(action.name, &response.body).and_then(|result| read(&result)).map_err(|problem| {
            Error::access(format!("{what} returned an incomplete response")).with_hint(NOT_STS).with_source(problem)
        })
    }

    fn request(&self, action: &StsAction<'_>, endpoint: &ServiceEndpoint, region: &str) -> ServiceRequest {
        let (first, last) = ([("Action", action.name)], [("Version", VERSION)]);
        // `Version` sorts before names that begin with W.
        let (before, after): (Vec<_>, Vec<_>) = action.form.iter().copied().partition(|(name, _)| *name < "Version");
        let pairs = first.into_iter().chain(before).chain(last).chain(after);
        let pairs: Vec<String> =
            pairs.map(|(name, value)| format!("{name}={}", percent_encode_query(value).replace("%20", "+"))).collect();
        let body = pairs.join("&").into_bytes();
        let path = format!("{}/", endpoint.base_path);
        let mut headers =
            vec![("host".to_owned(), endpoint.host.clone()), ("content-type".to_owned(), FORM.to_owned())];
        if let Some(signer) = action.signer {
            let payload_hash = Digest::of(&body).hex();
            let request = Signable { method: "POST", path: &path, query: "", payload_hash: &payload_hash };
            let scope =
                SignatureScope { region, service: "sts", time: self.context.clock.now(), token: Token::Security };
            sigv4::sign(&mut headers, &request, signer, scope);
        }
        ServiceRequest { method: Method::Post, target: path, headers, body: Some(body) }
    }
}
