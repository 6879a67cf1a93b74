//! Sends requests to a service over HTTP, with retries.

use std::time::Duration;

use crate::aws::service::context::ServiceContext;
use crate::aws::service::endpoint::ServiceEndpoint;
use crate::base::{self, Error, redacted};
use crate::http::{Client, Fault, Method, OnStop, Request, Response, Timeouts, retry};
use crate::object::{BytesPayload, Payload};

/// Responses are a few kilobytes; nothing beyond this limit is read.
const MAX_ANSWER_BYTES: u64 = 256 * 1024;
/// How long one of AWS's services may stay silent.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest pause before a retry.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);
/// Error codes of a service that timed out.
const TIMED_OUT: &[&str] = &["RequestTimeout", "RequestTimeoutException"];
/// A request, ready to send.
pub(crate) struct ServiceRequest {
    pub(crate) method: Method,
    pub(crate) target: String,
    /// Excludes `host`.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

/// A response with any status.
pub(crate) struct ServiceResponse {
    response: Response,
    pub(crate) body: Vec<u8>,
}

/// Why there is no response.
pub(crate) enum NoResponse {
    /// A local error that the service did not cause.
    Own(Error),
    Fault(Fault),
}

/// Time limits and attempts for requests to a service.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// How long the service may stay silent.
    pub(crate) answer: Duration,
    /// Includes the first attempt.
    pub(crate) attempts: u32,
    pub(crate) longest_pause: Duration,
    /// No retry begins after this time on the monotonic clock.
    pub(crate) until: Option<Duration>,
}

impl ServiceResponse {
    /// Returns the HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.response.status()
    }

    /// Returns whether the status is 2xx.
    pub(crate) fn is_success(&self) -> bool {
        self.response.is_success()
    }

    /// Returns a header by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.header(name)
    }

    /// Returns the error type that services which answer in JSON name in a header. A URL may follow it there.
    pub(crate) fn error_type(&self) -> Option<&str> {
        self.header("x-amzn-errortype")?.split(':').next()
    }

    /// Returns whether the failure is temporary, judging by the status and the code alone.
    pub(crate) fn is_transient(&self, code: Option<&str>) -> bool {
        matches!(self.status(), 500 | 502 | 503 | 504)
            || code.is_some_and(|code| retry::is_throttling(code) || TIMED_OUT.contains(&code))
    }

    /// Builds the error for a rejected `what`, with the service's reason. Redacts `secrets`.
    pub(crate) fn refusal(&self, what: &str, code: Option<&str>, reason: Option<&str>, secrets: &[&str]) -> Error {
        Error::access(refusal(what, self.status(), (code, reason), secrets))
    }
}

/// Builds the message for a rejected `what`, with the service's code and reason. Redacts `secrets`.
pub(crate) fn refusal(
    what: &str,
    status: u16,
    (code, reason): (Option<&str>, Option<&str>),
    secrets: &[&str],
) -> String {
    let mut message = format!("{what}: HTTP {status}");
    for (separator, part) in [(" ", code), (": ", reason)] {
        if let Some(part) = part.map(|part| shown(part, secrets)).filter(|part| !part.is_empty()) {
            message.push_str(separator);
            message.push_str(&part);
        }
    }
    // Once more, because a part of a secret may end in a separator.
    redacted(&message, secrets)
}

impl NoResponse {
    /// Builds the error for `what`, which was sent to `endpoint`.
    pub(crate) fn explain(self, what: &str, endpoint: &ServiceEndpoint) -> Error {
        match self {
            Self::Own(error) => error,
            Self::Fault(fault) => {
                let hint = "check this machine's network, its proxies, and the settings that select the endpoint";
                Error::network(format!("{what}: no answer from {}", endpoint.url())).with_hint(hint).with_source(fault)
            }
        }
    }
}

/// Sends the request that `make` builds to one of AWS's services, with its limits; `what` describes it in errors.
///
/// # Errors
/// If there is no response.
pub(crate) fn exchange(
    context: &ServiceContext,
    endpoint: &ServiceEndpoint,
    what: &str,
    make: &dyn Fn() -> Result<ServiceRequest, Error>,
    transient: &dyn Fn(&ServiceResponse) -> bool,
) -> Result<ServiceResponse, Error> {
    let client = context.client(endpoint, Timeouts::REMOTE)?;
    let limits =
        Limits { answer: ANSWER_TIMEOUT, attempts: context.attempts, longest_pause: LONGEST_PAUSE, until: None };
    send((context, &client), endpoint, limits, make, transient).map_err(|none| none.explain(what, endpoint))
}

/// Sends the request that `make` builds, until a response is not `transient` or the limits are reached.
pub(crate) fn send(
    (context, client): (&ServiceContext, &Client),
    endpoint: &ServiceEndpoint,
    limits: Limits,
    make: &dyn Fn() -> Result<ServiceRequest, Error>,
    transient: &dyn Fn(&ServiceResponse) -> bool,
) -> Result<ServiceResponse, NoResponse> {
    let (policy, mut attempts) = (retry::RetryPolicy::standard(limits.attempts), retry::Attempts::default());
    loop {
        context.cancel.check().map_err(NoResponse::Own)?;
        let request = make().map_err(NoResponse::Own)?;
        let result = attempt(client, endpoint, (limits.answer, &attempts), request);
        let failure = match &result {
            Ok(response) if !transient(response) => return result,
            Ok(_) => retry::AttemptFailure::Transient { retry_after: None },
            Err(NoResponse::Fault(fault)) => retry::AttemptFailure::NoAnswer(fault.kind),
            Err(NoResponse::Own(_)) => return result,
        };
        let retry::Decision::Retry(pause) = policy.failed(&mut attempts, failure) else { return result };
        let pause = pause.min(limits.longest_pause);
        if limits.until.is_some_and(|until| context.clock.monotonic() + pause > until) {
            return result;
        }
        match &result {
            Ok(response) => {
                let (host, status) = (&endpoint.host, response.status());
                log::info!("{host} responded with {status}; retrying in {:.1} s", pause.as_secs_f32());
            }
            Err(_) => log::info!("no answer from {}; retrying in {:.1} s", endpoint.host, pause.as_secs_f32()),
        }
        context.clock.sleep(pause, &context.cancel);
    }
}

fn attempt(
    client: &Client,
    endpoint: &ServiceEndpoint,
    (answer_timeout, attempts): (Duration, &retry::Attempts),
    request: ServiceRequest,
) -> Result<ServiceResponse, NoResponse> {
    let ServiceRequest { method, target, mut headers, body } = request;
    let body = body.map(BytesPayload::new);
    if !headers.iter().any(|(name, _)| name == "host") {
        headers.push(("host".to_owned(), endpoint.host.clone()));
    }
    // The paths and queries of these services are as sensitive as credentials, so they are not logged.
    log::debug!("{} {}", method.as_str(), endpoint.url());
    let request = Request {
        method,
        origin: endpoint.origin(),
        target,
        headers,
        body: body.as_ref().map(|body| body as &dyn Payload),
        expect_continue: false,
        answer_timeout,
        new_connection: attempts.met_stale(),
        on_stop: OnStop::BreakOff,
    };
    let mut response = client.send(&request).map_err(NoResponse::Fault)?;
    log::debug!("{} {}", response.status(), endpoint.url());
    let body = response.read(MAX_ANSWER_BYTES).map_err(NoResponse::Fault)?;
    Ok(ServiceResponse { response, body })
}

/// Sanitises text for display: bounded, on one line, and without secrets that were sent and may have been echoed.
pub(crate) fn shown(text: &str, secrets: &[&str]) -> String {
    base::shown_without(text.trim(), secrets)
}
