//! Sends requests to a service over HTTP, with retries.

use std::time::Duration;

use crate::base::{self, Error, Problem};
use crate::config::EndpointUrl;
use crate::credentials::context::Context;
use crate::http::{Client, Fault, Method, OnStop, Origin, Request, Response, retry};
use crate::object::{BytesPayload, Payload};

/// Responses are a few kilobytes; nothing beyond this limit is read.
const MAX_ANSWER_BYTES: u64 = 256 * 1024;
/// The location of a service.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) https: bool,
    /// Includes the port unless it is the scheme's default.
    pub(crate) host: String,
    /// The prefix of every path: empty, or starting with `/`.
    pub(crate) base_path: String,
}

/// A request, ready to send.
pub(super) struct Message {
    pub(super) method: Method,
    pub(super) target: String,
    /// Excludes `host`.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
}

/// A response with any status.
pub(super) struct Reply {
    response: Response,
    pub(super) body: Vec<u8>,
}

/// Why there is no response.
pub(super) enum NoReply {
    /// A local error that the service did not cause.
    Own(Error),
    Fault(Fault),
}

/// Time limits and attempts for requests to a service.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// How long the service may stay silent.
    pub(super) answer: Duration,
    /// Includes the first attempt.
    pub(super) attempts: u32,
    pub(super) longest_pause: Duration,
    /// No retry begins after this time on the monotonic clock.
    pub(super) until: Option<Duration>,
}

impl Patience {
    /// Returns the limits for AWS's services.
    pub(super) fn remote(context: &Context) -> Self {
        let (answer, longest_pause) = (Duration::from_secs(30), Duration::from_secs(20));
        Self { answer, attempts: context.attempts, longest_pause, until: None }
    }
}

impl Site {
    /// Returns `None` for a directory.
    pub(super) fn of(url: &EndpointUrl) -> Option<Self> {
        match url {
            EndpointUrl::Http { https, host, port, base_path } => {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                Some(Self { https: *https, host: format!("{host}{port}"), base_path: base_path.clone() })
            }
            EndpointUrl::File(_) => None,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.host)
    }
}

impl Reply {
    pub(super) fn status(&self) -> u16 {
        self.response.status()
    }

    pub(super) fn is_success(&self) -> bool {
        self.response.is_success()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.response.header(name)
    }

    /// Returns whether the failure is temporary, judging by the status and the code alone.
    pub(super) fn is_transient(&self, code: Option<&str>) -> bool {
        let by_code = |code| retry::is_throttling(code) || matches!(code, "RequestTimeout" | "RequestTimeoutException");
        matches!(self.status(), 500 | 502 | 503 | 504) || code.is_some_and(by_code)
    }

    /// Builds the error for a rejected `what`, with the service's reason. Redacts `secrets`.
    pub(super) fn refusal(&self, what: &str, code: Option<&str>, reason: Option<&str>, secrets: &[&str]) -> Problem {
        refusal(what, self.status(), (code, reason), secrets)
    }
}

/// Builds the error for a rejected `what`, with the service's code and reason. Redacts `secrets`.
pub(crate) fn refusal(
    what: &str,
    status: u16,
    (code, reason): (Option<&str>, Option<&str>),
    secrets: &[&str],
) -> Problem {
    let mut message = format!("{what}: HTTP {status}");
    for (separator, part) in [(" ", code), (": ", reason)] {
        if let Some(part) = part.map(|part| shown(part, secrets)).filter(|part| !part.is_empty()) {
            message.push_str(separator);
            message.push_str(&part);
        }
    }
    Problem::new(message)
}

impl NoReply {
    /// Builds the error for `what`, which was sent to `site`.
    pub(super) fn explain(self, what: &str, site: &Site) -> Error {
        match self {
            Self::Own(error) => error,
            Self::Fault(fault) => {
                let hint = format!(
                    "nothing usable answers at {}: check the network of this machine, proxies, and \
                    settings that name another endpoint",
                    site.url()
                );
                Error::Network(Problem::new(format!("{what}: no answer from {}", site.url())).hint(hint).source(fault))
            }
        }
    }
}

/// Sends the message that `make` builds, until a response is not `transient` or patience runs out.
pub(super) fn send(
    (context, client): (&Context, &Client),
    site: &Site,
    patience: Patience,
    make: &dyn Fn() -> Result<Message, Error>,
    transient: &dyn Fn(&Reply) -> bool,
) -> Result<Reply, NoReply> {
    let (policy, mut attempts) = (retry::RetryPolicy::standard(patience.attempts), retry::Attempts::default());
    loop {
        context.cancel.check().map_err(NoReply::Own)?;
        let message = make().map_err(NoReply::Own)?;
        let result = attempt(client, site, (patience.answer, &attempts), message);
        let failure = match &result {
            Ok(reply) if !transient(reply) => return result,
            Ok(_) => retry::AttemptFailure::Transient { retry_after: None },
            Err(NoReply::Fault(fault)) => retry::AttemptFailure::NoAnswer(fault.kind),
            Err(NoReply::Own(_)) => return result,
        };
        let retry::Decision::Retry(pause) = policy.failed(&mut attempts, failure) else { return result };
        let pause = pause.min(patience.longest_pause);
        if patience.until.is_some_and(|until| context.clock.monotonic() + pause > until) {
            return result;
        }
        match &result {
            Ok(reply) => log::info!("{} answered {}, again in {:.1} s", site.host, reply.status(), pause.as_secs_f32()),
            Err(_) => log::info!("no answer from {}, again in {:.1} s", site.host, pause.as_secs_f32()),
        }
        context.clock.sleep(pause, &context.cancel);
    }
}

fn attempt(
    client: &Client,
    site: &Site,
    (answer_timeout, attempts): (Duration, &retry::Attempts),
    message: Message,
) -> Result<Reply, NoReply> {
    let Message { method, target, mut headers, body } = message;
    let body = body.map(BytesPayload::new);
    if !headers.iter().any(|(name, _)| name == "host") {
        headers.push(("host".to_owned(), site.host.clone()));
    }
    // The paths and queries of these services are as sensitive as credentials, so they are not logged.
    log::debug!("{} {}", method.as_str(), site.url());
    let request = Request {
        method,
        origin: Origin { https: site.https, host: &site.host },
        target,
        headers,
        body: body.as_ref().map(|body| body as &dyn Payload),
        expect_continue: false,
        answer_timeout,
        new_connection: attempts.met_stale(),
        on_stop: OnStop::BreakOff,
    };
    let mut response = client.send(&request).map_err(NoReply::Fault)?;
    log::debug!("{} {}", response.status(), site.url());
    let body = response.read(MAX_ANSWER_BYTES).map_err(NoReply::Fault)?;
    Ok(Reply { response, body })
}

/// Sanitises text for display: bounded, on one line, and without secrets that were sent and may have been echoed.
pub(super) fn shown(text: &str, secrets: &[&str]) -> String {
    base::shown_without(text.trim(), secrets)
}
