//! The request loop: every attempt is signed again and reads its payload from the start.

use std::cell::OnceCell;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::aws::KeyMistake;
use crate::base::{Cancel, Clock, Error, Secret, shown_without};
use crate::credentials::CredentialsProvider;
use crate::http::retry::{AttemptFailure, Attempts, Decision, RetryPolicy};
use crate::http::{self, OnStop, Origin, Request, Response};
use crate::object::ObjectStore as _;
use crate::s3::answer::{Answer, Cause, FailedCall};
use crate::s3::attempt::Used;
use crate::s3::call::Call;
use crate::s3::checksum::{self, Checksum};
use crate::s3::clock::shifted;
use crate::s3::endpoint::Endpoint;
use crate::s3::learn::{Lessons, RefusedAttempt};
use crate::s3::learnt::Learnt;
use crate::s3::sessions::{CREATE_SESSION, ENCRYPTION, Sessions};
use crate::sigv4::{self, EMPTY_SHA256, Signable, UNSIGNED_PAYLOAD};

/// As in AWS's SDKs, larger bodies are sent with `Expect: 100-continue` until the server has accepted one.
const EXPECT_CONTINUE_BYTES: u64 = 2 * 1024 * 1024;

/// The parts of an [`S3Client`].
pub(crate) struct S3ClientParts {
    pub(crate) http: http::Client,
    pub(crate) bucket: String,
    /// The configured endpoint; the bucket may turn out to be in another region.
    pub(crate) endpoint: Endpoint,
    /// The setting that defines its region.
    pub(crate) region_origin: String,
    /// `None` if requests are not signed.
    pub(crate) credentials: Option<Arc<dyn CredentialsProvider>>,
    pub(crate) retry: RetryPolicy,
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
    /// Whether to sign the hashes of parts also over TLS.
    pub(crate) payload_signing: bool,
    /// Larger objects are copied in parts.
    pub(crate) max_copy_bytes: u64,
}

/// A client for one bucket.
pub(crate) struct S3Client {
    pub(super) parts: S3ClientParts,
    pub(super) learnt: Learnt,
    pub(super) sessions: Sessions,
    requests: AtomicU64,
}

/// A call that is being sent, once or several times.
struct Execution<'a> {
    call: &'a Call<'a>,
    attempts: Attempts,
    lessons: Lessons,
}

/// An attempt that has begun.
struct Attempt {
    used: Used,
    /// Whether the operation was cancelled before.
    cancelled: bool,
}

impl S3Client {
    pub(crate) fn new(parts: S3ClientParts) -> Self {
        let (learnt, sessions) = (Learnt::new(parts.endpoint.clone()), Sessions::new(&parts.clock));
        Self { learnt, sessions, parts, requests: AtomicU64::new(0) }
    }

    /// Returns the endpoint of the bucket, as far as known.
    pub(crate) fn endpoint(&self) -> Arc<Endpoint> {
        self.learnt.endpoint()
    }

    /// Returns the region of the configured endpoint.
    pub(crate) fn configured_region(&self) -> &str {
        &self.parts.endpoint.region
    }

    pub(crate) fn bucket(&self) -> &str {
        &self.parts.bucket
    }

    /// Returns the clock's monotonic time, for measuring durations.
    pub(crate) fn monotonic(&self) -> Duration {
        self.parts.clock.monotonic()
    }

    /// Returns the number of requests sent, every attempt counted.
    pub(super) fn requests_sent(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Sends the call until `read` accepts a response, or another attempt is pointless.
    pub(super) fn execute<T>(
        &self,
        call: &Call<'_>,
        read: impl Fn(Response) -> Result<T, Cause>,
    ) -> Result<T, FailedCall> {
        let mut execution = Execution { call, attempts: Attempts::default(), lessons: Lessons::default() };
        loop {
            let attempt = self.begin(&execution)?;
            match self.attempt(&execution, &attempt.used).and_then(&read) {
                Ok(result) => {
                    self.succeeded(&execution);
                    return Ok(result);
                }
                Err(cause) => self.failed(&mut execution, attempt, cause)?,
            }
        }
    }

    /// Waits until the next attempt may begin.
    fn begin(&self, execution: &Execution<'_>) -> Result<Attempt, FailedCall> {
        let Execution { call, attempts, lessons } = execution;
        let (policy, clock, cancel) = (&self.parts.retry, &*self.parts.clock, &self.parts.cancel);
        let own = |error| FailedCall::own(error, attempts.made);
        let cancelled = cancel.is_cancelled();
        match call.on_stop == OnStop::CleanUp {
            true if self.patience(call).is_zero() => return Err(own(Error::Cancelled)),
            true => {}
            // It must not wait: what the caller knows about the object grows old.
            false if call.once => {}
            false => policy.wait_for_turn(clock, cancel).map_err(own)?,
        }
        let used = self.prepare(call, lessons, attempts).map_err(own)?;
        Ok(Attempt { used, cancelled })
    }

    fn succeeded(&self, execution: &Execution<'_>) {
        self.parts.retry.ended(None, &*self.parts.clock);
        self.parts.retry.succeeded(&execution.attempts);
    }

    /// Learns from a failed attempt, and waits if it will be retried.
    ///
    /// # Errors
    /// If another attempt is pointless.
    fn failed(&self, execution: &mut Execution<'_>, attempt: Attempt, cause: Cause) -> Result<(), FailedCall> {
        let Execution { call, attempts, lessons } = execution;
        let Attempt { used, cancelled } = attempt;
        let (policy, clock, cancel) = (&self.parts.retry, &*self.parts.clock, &self.parts.cancel);
        policy.ended(Some(failure(&cause)), clock);
        if cancel.is_cancelled() {
            // Cancelling caused the failure, whatever it looks like.
            if call.on_stop != OnStop::CleanUp {
                return Err(FailedCall::own(Error::Cancelled, attempts.made));
            }
            // It was interrupted together with all others.
            if !cancelled && matches!(cause, Cause::NoAnswer(_)) {
                attempts.corrected();
                return Ok(());
            }
        }
        if let Cause::Refused(answer) = &cause {
            let lesson = self.refused(call, &used, answer).teach(&self.learnt, lessons);
            if lesson.map_err(|error| FailedCall::own(error, attempts.made))? && !call.once {
                attempts.corrected();
                return Ok(());
            }
        }
        // A retry takes tokens, so the policy is asked only if there may be one.
        let decision = if call.once { attempts.ended() } else { policy.failed(attempts, failure(&cause)) };
        match decision {
            Decision::Retry(pause) => {
                let (what, why) = (call.key.unwrap_or_default(), brief(&cause, &used.secrets()));
                log::info!("{} {what} failed ({why}); retrying in {:.1} s", call.operation, pause.as_secs_f32());
                clock.sleep(pause, cancel);
                Ok(())
            }
            decision => {
                let out_of_tokens = decision == Decision::OutOfTokens;
                let secrets = used.secrets();
                let session = used.keys.session.is_some();
                let mistake = used.keys.credentials.as_ref().filter(|_| !session).and_then(KeyMistake::find);
                let (attempts, unsigned) = (attempts.made, used.unsigned);
                Err(FailedCall { cause, attempts, out_of_tokens, secrets, mistake, unsigned, session })
            }
        }
    }

    /// Collects the parameters of the next attempt from everything known.
    fn prepare(&self, call: &Call<'_>, lessons: &Lessons, attempts: &Attempts) -> crate::base::Result<Used> {
        let large = call.body.is_some_and(|body| body.size() >= EXPECT_CONTINUE_BYTES);
        let asks_first = attempts.made > 0 || !self.learnt.accepts_bodies.get();
        let endpoint = lessons.host.clone().unwrap_or_else(|| self.endpoint());
        Ok(Used {
            unsigned: call.may_be_unsigned && !self.signs_parts(&endpoint),
            checksum: match call.checksum {
                Checksum::Never => false,
                Checksum::WhenWanted => self.learnt.wants_checksums.get(),
                Checksum::Always => true,
            },
            expect: large && asks_first && !self.learnt.expects_nothing.get(),
            keys: self.keys(call, &endpoint)?,
            endpoint,
            ahead: self.learnt.ahead(),
            began: self.parts.clock.now(),
            signature: OnceCell::new(),
        })
    }

    /// Sends the call once. Returns the response if it is a success.
    fn attempt(&self, execution: &Execution<'_>, used: &Used) -> Result<Response, Cause> {
        let Execution { call, attempts, .. } = execution;
        let request = self.sign(call, used, attempts).map_err(|error| self.not_sent(call, error))?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        log::debug!("{} {}{}", call.method.as_str(), request.origin.host, request.target);
        let sent = self.parts.http.send(&request);
        if call.body.is_some() {
            let accepted = sent.as_ref().is_ok_and(Response::is_success);
            self.learnt.accepts_bodies.set(accepted);
        }
        let response = sent.map_err(|fault| match fault.into_payload_error() {
            Ok(error) => self.not_sent(call, error),
            Err(fault) => Cause::NoAnswer(fault),
        })?;
        log::debug!("{} {}", response.status(), request.target);
        if let Some(date) = Answer::date_of(&response) {
            self.learnt.note_date(date, self.parts.clock.now());
        }
        if response.is_success() { Ok(response) } else { Err(Answer::read(response)) }
    }

    fn not_sent(&self, call: &Call<'_>, error: io::Error) -> Cause {
        Cause::Own(payload_error(&self.location(call.key.unwrap_or_default()), error))
    }

    /// Returns whether the hashes of parts are signed. Without TLS, nothing else protects them on the way.
    pub(super) fn signs_parts(&self, endpoint: &Endpoint) -> bool {
        self.parts.credentials.is_some() && (self.parts.payload_signing || !endpoint.https)
    }

    fn refused<'a>(&'a self, call: &'a Call<'a>, used: &'a Used, answer: &'a Answer) -> RefusedAttempt<'a> {
        RefusedAttempt {
            call,
            used,
            answer,
            bucket: &self.parts.bucket,
            credentials: self.parts.credentials.as_deref(),
            session: used.keys.session.map(|mode| self.sessions.of(mode)),
            now: self.parts.clock.now(),
        }
    }

    /// Returns the time by the server's clock, as far as its difference to ours is known.
    pub(super) fn now(&self) -> SystemTime {
        shifted(self.parts.clock.now(), self.learnt.ahead())
    }

    /// Signs the call.
    ///
    /// # Errors
    /// If the hash of the payload is needed and cannot be computed.
    fn sign<'a>(&self, call: &Call<'a>, used: &'a Used, attempts: &Attempts) -> io::Result<Request<'a>> {
        let endpoint = &*used.endpoint;
        let target = endpoint.target(call.key, call.query);
        let mut headers = vec![("host".to_owned(), endpoint.host.clone())];
        // A session is about the bucket of its endpoint, and sets the encryption of what is written under it.
        let common = self.parts.request_headers.iter().filter(|_| call.operation != CREATE_SESSION);
        let sent = call.headers.iter().chain(common);
        let in_session = used.keys.session.is_some();
        headers.extend(sent.filter(|(name, _)| !(in_session && name.starts_with(ENCRYPTION))).cloned());
        if used.checksum {
            headers.push(checksum::header(call.body)?);
        }
        if let Some(credentials) = &used.keys.credentials {
            let payload_hash = match call.body {
                None => EMPTY_SHA256.to_owned(),
                Some(_) if used.unsigned => UNSIGNED_PAYLOAD.to_owned(),
                Some(body) => body.sha256()?.hex(),
            };
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            let request = Signable { method: call.method.as_str(), path, query, payload_hash: &payload_hash };
            let time = shifted(self.parts.clock.now(), used.ahead);
            sigv4::sign(&mut headers, &request, credentials, used.keys.scope(endpoint, time));
            if let Some(signature) = sigv4::signature_of(&headers) {
                used.signature.get_or_init(|| signature);
            }
        }
        Ok(Request {
            method: call.method,
            origin: Origin { https: endpoint.https, host: &endpoint.host },
            target,
            headers,
            body: call.body,
            expect_continue: used.expect,
            answer_timeout: self.patience(call),
            new_connection: attempts.met_stale(),
            on_stop: call.on_stop,
        })
    }

    /// Returns how long to wait for the response. After cancelling, clean-up calls share that time.
    pub(super) fn patience(&self, call: &Call<'_>) -> Duration {
        let since = self.parts.cancel.since().filter(|_| call.on_stop == OnStop::CleanUp);
        call.answer_timeout.min(self.parts.longest_answer).saturating_sub(since.unwrap_or_default())
    }
}

fn failure(cause: &Cause) -> AttemptFailure {
    match cause {
        Cause::Own(_) => AttemptFailure::Permanent,
        Cause::NoAnswer(fault) => AttemptFailure::NoAnswer(fault.kind),
        Cause::Refused(answer) => answer.failure(),
    }
}

/// Returns why the body for `location` could not be sent: the crate's own error, if the payload returned one.
fn payload_error(location: &str, error: io::Error) -> Error {
    let kind = error.kind();
    let not_sent = |why: &str| format!("{location} was not sent: {why}");
    match error.downcast::<Error>() {
        Ok(Error::Integrity(mut problem)) => {
            problem.message = not_sent(&problem.message);
            Error::Integrity(problem)
        }
        Ok(error) => error,
        Err(error) if matches!(kind, io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData) => {
            Error::integrity(not_sent(&error.to_string()))
        }
        Err(error) => Error::integrity(not_sent("its bytes cannot be read")).with_source(error),
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

impl fmt::Debug for S3Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Client")
            .field("bucket", &self.parts.bucket)
            .field("endpoint", &self.endpoint())
            .finish_non_exhaustive()
    }
}
