//! The request loop: every attempt is signed anew and reads its payload from the first byte.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::base::{Cancel, Clock, Digest, Error, Payload, Problem};
use crate::credentials::CredentialsProvider;
use crate::http::{self, Method, Request, Response, retry};
use crate::s3::answer::{Answer, Cause, Failed};
use crate::s3::endpoint::Endpoint;
use crate::sigv4::{self, Context, EMPTY_SHA256, Keys, Signable, canonical_query};

/// How long a server may think before it answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Larger bodies wait for the server's word, as in AWS's SDKs, until it has taken one.
const EXPECT_CONTINUE_BYTES: u64 = 2 * 1024 * 1024;

/// What a [`Client`] is made of.
pub(crate) struct ClientParts {
    pub(crate) http: http::Client,
    pub(crate) bucket: String,
    pub(crate) endpoint: Endpoint,
    /// `None`: requests are not signed.
    pub(crate) credentials: Option<Arc<dyn CredentialsProvider>>,
    pub(crate) max_attempts: u32,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancel: Cancel,
    /// Go with whatever is written: storage class and encryption.
    pub(crate) write_headers: Vec<(String, String)>,
}

/// One bucket.
pub(crate) struct Client {
    pub(super) parts: ClientParts,
    requests: AtomicU64,
    /// The server has taken a body: it will not refuse the next for a reason it knows beforehand.
    put_accepted: AtomicBool,
}

/// One S3 action, to be sent once or more often.
pub(super) struct Call<'a> {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) key: Option<&'a str>,
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Signed, in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<&'a dyn Payload>,
    pub(super) answer_timeout: Duration,
    /// Cleans up: is sent also after the operation was cancelled.
    pub(super) after_cancel: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(operation: &'static str, method: Method, key: Option<&'a str>) -> Self {
        let headers = Vec::new();
        Self {
            operation,
            method,
            key,
            query: &[],
            headers,
            body: None,
            answer_timeout: ANSWER_TIMEOUT,
            after_cancel: false,
        }
    }
}

impl Client {
    pub(crate) fn new(parts: ClientParts) -> Self {
        Self { parts, requests: AtomicU64::new(0), put_accepted: AtomicBool::new(false) }
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.parts.bucket
    }

    /// The time by the client's clock, for what took how long.
    pub(crate) fn monotonic(&self) -> Duration {
        self.parts.clock.monotonic()
    }

    /// How many requests were sent, every attempt counted.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Sends the call until `read` has made something of an answer, or trying again makes no sense.
    pub(super) fn execute<T>(&self, call: &Call<'_>, read: impl Fn(Response) -> Result<T, Cause>) -> Result<T, Failed> {
        let mut attempts = retry::Attempts::default();
        loop {
            let cause = match self.attempt(call, attempts.made, &read) {
                Ok(result) => return Ok(result),
                Err(cause) => cause,
            };
            let failure = match &cause {
                Cause::Own(_) => retry::Failure::Permanent,
                Cause::NoAnswer(fault) => retry::Failure::NoAnswer(fault.kind),
                Cause::Refused(answer) => answer.failure(),
            };
            let Some(pause) = attempts.failed(failure, self.parts.max_attempts, retry::jitter()) else {
                return Err(Failed { cause, attempts: attempts.made });
            };
            let what = call.key.unwrap_or_default();
            log::info!("{} {what} failed ({}), again in {:.1} s", call.operation, brief(&cause), pause.as_secs_f32());
            self.parts.clock.sleep(pause, &self.parts.cancel);
        }
    }

    fn attempt<T>(&self, call: &Call<'_>, made: u32, read: impl Fn(Response) -> Result<T, Cause>) -> Result<T, Cause> {
        if !call.after_cancel {
            self.parts.cancel.check().map_err(Cause::Own)?;
        }
        let request = self.sign(call, made).map_err(Cause::Own)?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        log::debug!("{} {}{}", call.method.as_str(), request.host, request.target);
        let response = self.parts.http.send(&request).map_err(|fault| match fault.into_payload_error() {
            Ok(error) => Cause::Own(payload_error(error)),
            Err(fault) => Cause::NoAnswer(fault),
        })?;
        log::debug!("{} {}", response.status(), request.target);
        if !response.is_success() {
            return Err(Cause::Refused(Box::new(Answer::read(response))));
        }
        if call.body.is_some() {
            self.put_accepted.store(true, Ordering::Relaxed);
        }
        read(response)
    }

    fn sign<'a>(&'a self, call: &Call<'a>, made: u32) -> crate::base::Result<Request<'a>> {
        let endpoint = &self.parts.endpoint;
        let path = call.key.map_or_else(|| endpoint.bucket_path(), |key| endpoint.object_path(key));
        let query = canonical_query(call.query);
        let mut headers = vec![("host".to_owned(), endpoint.host.clone())];
        headers.extend(call.headers.iter().cloned());
        if let Some(provider) = &self.parts.credentials {
            let credentials = provider.credentials()?;
            let keys = Keys {
                access_key_id: &credentials.access_key_id,
                secret_access_key: &credentials.secret_access_key,
                session_token: credentials.session_token.as_ref(),
            };
            let payload_hash = call.body.map_or_else(|| EMPTY_SHA256.to_owned(), |body| Digest::hex(&body.sha256()));
            let request =
                Signable { method: call.method.as_str(), path: &path, query: &query, payload_hash: &payload_hash };
            let context = Context { region: &endpoint.region, service: "s3", time: self.parts.clock.now() };
            sigv4::sign(&mut headers, &request, keys, context);
        }
        let large = call.body.is_some_and(|body| body.size() >= EXPECT_CONTINUE_BYTES);
        Ok(Request {
            method: call.method,
            https: endpoint.https,
            host: &endpoint.host,
            target: if query.is_empty() { path } else { format!("{path}?{query}") },
            headers,
            body: call.body,
            expect_continue: large && (made > 0 || !self.put_accepted.load(Ordering::Relaxed)),
            answer_timeout: call.answer_timeout,
        })
    }
}

/// The crate's own error where the payload gave one.
fn payload_error(error: std::io::Error) -> Error {
    let kind = error.kind();
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) if matches!(kind, std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData) => {
            Error::Integrity(
                Problem::new(format!("a blob changed while it was sent: {error}"))
                    .hint("the local cache is damaged or in use: build it again"),
            )
        }
        Err(error) => Error::Integrity(Problem::new("a blob could not be read while it was sent").source(error)),
    }
}

fn brief(cause: &Cause) -> String {
    match cause {
        Cause::Own(error) => error.to_string(),
        Cause::NoAnswer(fault) => fault.to_string(),
        Cause::Refused(answer) => format!("{} {}", answer.status, answer.code.as_deref().unwrap_or_default()),
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("bucket", &self.parts.bucket)
            .field("endpoint", &self.parts.endpoint)
            .finish_non_exhaustive()
    }
}
