//! The request loop: every attempt is signed again and reads its payload from the start.

use std::cell::OnceCell;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::aws::KeyMistake;
use crate::base::{Cancel, Clock, Digest, Error, Payload, Problem, Secret, shown_without};
use crate::credentials::CredentialsProvider;
use crate::http::retry::{Attempts, Decision, Failure, Policy};
use crate::http::{self, Method, OnStop, Request, Response};
use crate::s3::answer::{Answer, Cause, Failed};
use crate::s3::checksum::{self, Checksum};
use crate::s3::endpoint::Endpoint;
use crate::s3::learn::{Lessons, Used, shifted};
use crate::sigv4::{self, EMPTY_SHA256, Signable, SigningScope};

/// How long to wait for a server's response.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// As in AWS's SDKs, larger bodies are sent with `Expect: 100-continue` until the server has accepted one.
const EXPECT_CONTINUE_BYTES: u64 = 2 * 1024 * 1024;

/// The parts of a [`Client`].
pub(crate) struct ClientParts {
    pub(crate) http: http::Client,
    pub(crate) bucket: String,
    /// The configured endpoint; the bucket may turn out to be in another region.
    pub(crate) endpoint: Endpoint,
    /// The setting that defines its region.
    pub(crate) region_origin: String,
    /// `None` if requests are not signed.
    pub(crate) credentials: Option<Arc<dyn CredentialsProvider>>,
    pub(crate) retry: Policy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancel: Cancel,
    /// An upper limit on the wait for any response.
    pub(crate) longest_answer: Duration,
    /// Sent with every write: storage class and encryption.
    pub(crate) write_headers: Vec<(String, String)>,
    /// Sent with every request: who pays, and the expected owner of the bucket.
    pub(crate) request_headers: Vec<(String, String)>,
    /// Sent with every copy: the expected owner of the source.
    pub(crate) copy_headers: Vec<(String, String)>,
}

/// A client for one bucket.
pub(crate) struct Client {
    pub(super) parts: ClientParts,
    /// The endpoint of the bucket, as far as known.
    pub(super) endpoint: RwLock<Arc<Endpoint>>,
    pub(super) region_learnt: AtomicBool,
    /// How many seconds the server's clock is ahead of ours; zero until a wrong clock is detected.
    pub(super) ahead: AtomicI64,
    requests: AtomicU64,
    /// Whether the server accepted the last body, or the call that announces an upload: then it will not refuse the
    /// next one for a reason known before the body is sent.
    put_accepted: AtomicBool,
    /// Whether the server, or a proxy, has answered `Expect: 100-continue` with 417.
    pub(super) expects_nothing: AtomicBool,
    /// Whether the server requires checksums on writes.
    pub(super) wants_checksums: AtomicBool,
    /// The bucket has been listed: what may not be read is not for want of that permission.
    pub(super) may_list: AtomicBool,
}

/// An S3 call, sent once or several times.
pub(super) struct Call<'a> {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) key: Option<&'a str>,
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Signed; names are lower-case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<&'a dyn Payload>,
    pub(super) checksum: Checksum,
    pub(super) answer_timeout: Duration,
    /// Clean-up calls are sent even after the operation was cancelled, but only briefly: the user may be waiting for
    /// the program to end.
    pub(super) on_stop: OnStop,
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
            checksum: Checksum::Never,
            answer_timeout: ANSWER_TIMEOUT,
            on_stop: OnStop::BreakOff,
        }
    }
}

impl Client {
    pub(crate) fn new(parts: ClientParts) -> Self {
        Self {
            endpoint: RwLock::new(Arc::new(parts.endpoint.clone())),
            parts,
            region_learnt: AtomicBool::new(false),
            ahead: AtomicI64::new(0),
            requests: AtomicU64::new(0),
            put_accepted: AtomicBool::new(false),
            expects_nothing: AtomicBool::new(false),
            wants_checksums: AtomicBool::new(false),
            may_list: AtomicBool::new(false),
        }
    }

    /// Returns the endpoint of the bucket, as far as known.
    pub(crate) fn endpoint(&self) -> Arc<Endpoint> {
        self.endpoint.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.parts.bucket
    }

    /// Returns the object's location for messages.
    fn location(&self, key: Option<&str>) -> String {
        format!("s3://{}/{}", self.parts.bucket, key.unwrap_or_default())
    }

    /// Returns the clock's monotonic time, for measuring durations.
    pub(crate) fn monotonic(&self) -> Duration {
        self.parts.clock.monotonic()
    }

    /// Returns the number of requests sent, every attempt counted.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Sends the call until `read` accepts a response, or another attempt is pointless.
    pub(super) fn execute<T>(&self, call: &Call<'_>, read: impl Fn(Response) -> Result<T, Cause>) -> Result<T, Failed> {
        let (policy, clock, cancel) = (&self.parts.retry, &*self.parts.clock, &self.parts.cancel);
        let mut attempts = Attempts::default();
        let mut lessons = Lessons::default();
        loop {
            let own = |error| Failed::own(error, attempts.made);
            let cancelled = cancel.is_cancelled();
            let cleans_up = call.on_stop == OnStop::CleanUp;
            match cleans_up {
                true if self.patience(call).is_zero() => return Err(own(Error::Cancelled)),
                true => {}
                false => policy.wait_for_turn(clock, cancel).map_err(own)?,
            }
            let used = self.prepare(call, &lessons, &attempts).map_err(own)?;
            let result = self.attempt(call, &used, &attempts, &read);
            policy.ended(result.as_ref().err().map(failure), clock);
            let cause = match result {
                Ok(result) => {
                    policy.succeeded(&attempts);
                    return Ok(result);
                }
                Err(cause) => cause,
            };
            if cancel.is_cancelled() {
                // Whatever the failure looks like, cancelling caused it.
                if !cleans_up {
                    return Err(own(Error::Cancelled));
                }
                // It was interrupted together with all others.
                if !cancelled && matches!(cause, Cause::NoAnswer(_)) {
                    attempts.corrected();
                    continue;
                }
            }
            if let Cause::Refused(answer) = &cause
                && self.learn(call, &mut lessons, &used, answer).map_err(own)?
            {
                attempts.corrected();
                continue;
            }
            match policy.failed(&mut attempts, failure(&cause)) {
                Decision::Retry(pause) => {
                    let (what, why) = (call.key.unwrap_or_default(), brief(&cause, &used.secrets()));
                    log::info!("{} {what} failed ({why}), again in {:.1} s", call.operation, pause.as_secs_f32());
                    clock.sleep(pause, cancel);
                }
                decision => {
                    let out_of_tokens = decision == Decision::OutOfTokens;
                    let secrets = used.secrets();
                    let mistake = used.credentials.as_ref().and_then(KeyMistake::find);
                    return Err(Failed { cause, attempts: attempts.made, out_of_tokens, secrets, mistake });
                }
            }
        }
    }

    /// Collects the parameters of the next attempt from everything known.
    fn prepare(&self, call: &Call<'_>, lessons: &Lessons, attempts: &Attempts) -> crate::base::Result<Used> {
        let large = call.body.is_some_and(|body| body.size() >= EXPECT_CONTINUE_BYTES);
        let asks_first = attempts.made > 0 || !self.put_accepted.load(Ordering::Relaxed);
        Ok(Used {
            checksum: match call.checksum {
                Checksum::Never => false,
                Checksum::WhenWanted => self.wants_checksums(),
                Checksum::Always => true,
            },
            expect: large && asks_first && !self.expects_nothing.load(Ordering::Relaxed),
            endpoint: lessons.host.clone().unwrap_or_else(|| self.endpoint()),
            credentials: self.parts.credentials.as_ref().map(|provider| provider.credentials()).transpose()?,
            ahead: self.ahead.load(Ordering::Relaxed),
            began: self.parts.clock.now(),
            signature: OnceCell::new(),
        })
    }

    fn attempt<T>(
        &self,
        call: &Call<'_>,
        used: &Used,
        attempts: &Attempts,
        read: impl Fn(Response) -> Result<T, Cause>,
    ) -> Result<T, Cause> {
        let request = self.sign(call, used, attempts);
        self.requests.fetch_add(1, Ordering::Relaxed);
        log::debug!("{} {}{}", call.method.as_str(), request.host, request.target);
        let sent = self.parts.http.send(&request);
        if call.body.is_some() {
            let accepted = sent.as_ref().is_ok_and(Response::is_success);
            self.put_accepted.store(accepted, Ordering::Relaxed);
        }
        let response = sent.map_err(|fault| match fault.into_payload_error() {
            Ok(error) => Cause::Own(payload_error(&self.location(call.key), error)),
            Err(fault) => Cause::NoAnswer(fault),
        })?;
        log::debug!("{} {}", response.status(), request.target);
        if response.is_success() { read(response) } else { Err(Answer::read(response)) }
    }

    pub(super) fn wants_checksums(&self) -> bool {
        self.wants_checksums.load(Ordering::Relaxed)
    }

    /// Records that the server lets us write: bodies are sent without `Expect`.
    pub(super) fn accept_bodies(&self) {
        self.put_accepted.store(true, Ordering::Relaxed);
    }

    fn sign<'a>(&self, call: &Call<'a>, used: &'a Used, attempts: &Attempts) -> Request<'a> {
        let endpoint = &*used.endpoint;
        let target = endpoint.target(call.key, call.query);
        let mut headers = vec![("host".to_owned(), endpoint.host.clone())];
        headers.extend(call.headers.iter().chain(&self.parts.request_headers).cloned());
        headers.extend(used.checksum.then(|| checksum::header(call.body)));
        if let Some(credentials) = &used.credentials {
            let payload_hash = call.body.map_or_else(|| EMPTY_SHA256.to_owned(), |body| Digest::hex(&body.sha256()));
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            let request = Signable { method: call.method.as_str(), path, query, payload_hash: &payload_hash };
            let time = shifted(self.parts.clock.now(), used.ahead);
            let scope = SigningScope { region: &endpoint.region, service: "s3", time };
            sigv4::sign(&mut headers, &request, credentials, scope);
            if let Some(signature) = sigv4::signature_of(&headers) {
                used.signature.get_or_init(|| signature);
            }
        }
        Request {
            method: call.method,
            https: endpoint.https,
            host: &endpoint.host,
            target,
            headers,
            body: call.body,
            expect_continue: used.expect,
            answer_timeout: self.patience(call),
            new_connection: attempts.met_stale(),
            on_stop: call.on_stop,
        }
    }

    /// Returns how long to wait for the response. After cancelling, clean-up calls share that time.
    pub(super) fn patience(&self, call: &Call<'_>) -> Duration {
        let since = self.parts.cancel.since().filter(|_| call.on_stop == OnStop::CleanUp);
        call.answer_timeout.min(self.parts.longest_answer).saturating_sub(since.unwrap_or_default())
    }
}

fn failure(cause: &Cause) -> Failure {
    match cause {
        Cause::Own(_) => Failure::Permanent,
        Cause::NoAnswer(fault) => Failure::NoAnswer(fault.kind),
        Cause::Refused(answer) => answer.failure(),
    }
}

/// Returns why the body for `location` could not be sent: the crate's own error, if the payload returned one.
fn payload_error(location: &str, error: std::io::Error) -> Error {
    let kind = error.kind();
    let not_sent = |why: &str| Problem::new(format!("{location} was not sent: {why}"));
    match error.downcast::<Error>() {
        Ok(Error::Integrity(mut problem)) => {
            problem.message = not_sent(&problem.message).message;
            Error::Integrity(problem)
        }
        Ok(error) => error,
        Err(error) if matches!(kind, std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData) => {
            Error::Integrity(not_sent(&error.to_string()))
        }
        Err(error) => Error::Integrity(not_sent("its bytes cannot be read").source(error)),
    }
}

fn brief(cause: &Cause, secrets: &[Secret]) -> String {
    let secrets: Vec<&str> = secrets.iter().map(Secret::expose).collect();
    match cause {
        Cause::Own(error) => error.to_string(),
        Cause::NoAnswer(fault) => fault.to_string(),
        Cause::Refused(answer) => {
            let code = answer.code.as_deref().unwrap_or_default();
            format!("{} {}", answer.status, shown_without(code, &secrets))
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("bucket", &self.parts.bucket)
            .field("endpoint", &self.endpoint())
            .finish_non_exhaustive()
    }
}
