//! Transfers that last longer than their credentials.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use s3_build_cache::env::MapEnv;
use s3_build_cache::time::{Clock, Timestamp};
use s3_build_cache::{Cancel, ExportOptions, ImportOutcome, LocalCache, S3Cache};

use crate::s3::blobs::{Blobs, PART, server, small_parts};
use crate::s3_server::{Credentials, Server};
use crate::stub::Stub;

/// The time for client, store and STS. Each time the client reads it, some time passes.
pub(crate) struct Time {
    server: Arc<Server>,
    passed_millis: AtomicU64,
    step_millis: u64,
}

impl Time {
    pub(crate) fn new(server: Arc<Server>, step_millis: u64) -> Self {
        Self { server, passed_millis: AtomicU64::new(0), step_millis }
    }

    pub(crate) fn passed(&self) -> Duration {
        Duration::from_millis(self.passed_millis.load(Ordering::SeqCst))
    }

    pub(crate) fn pass(&self, millis: u64) {
        let passed = self.passed_millis.fetch_add(millis, Ordering::SeqCst) + millis;
        self.server.set_clock_ahead(i64::try_from(passed / 1000).unwrap());
    }
}

impl Clock for Time {
    fn now(&self) -> SystemTime {
        self.pass(self.step_millis);
        SystemTime::now() + self.passed()
    }

    fn monotonic(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + self.passed()
    }

    fn sleep(&self, duration: Duration, _: &Cancel) {
        self.pass(u64::try_from(duration.as_millis()).unwrap());
    }
}

/// Issues sessions that the store accepts until they expire. Issues no new one while the last has more than `firm`
/// left. Counts the requests.
fn sts(time: Arc<Time>, lifetime: Duration, firm: Option<Duration>) -> (Stub, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let (count, last) = (asked.clone(), Mutex::new(None::<SystemTime>));
    let stub = Stub::start(move |request| {
        assert!(request.starts_with("POST / ") && request.body.ends_with("WebIdentityToken=token"));
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        let now = SystemTime::now() + time.passed();
        let mut last = last.lock().unwrap();
        if firm.is_some_and(|firm| last.is_some_and(|expires| expires > now + firm)) {
            return (503, String::new(), String::new());
        }
        let expires = now + lifetime;
        *last = Some(expires);
        let session = Credentials::new(&format!("ASIA{number}"), &format!("k{number}"), Some(&format!("t{number}")));
        time.server.admit_until(session, expires);
        (200, String::new(), answer(number, expires))
    });
    (stub, asked)
}

fn answer(number: u64, expires: SystemTime) -> String {
    format!(
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
         <AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>k{number}</SecretAccessKey>\
         <SessionToken>t{number}</SessionToken><Expiration>{}</Expiration></Credentials>\
         </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
        Timestamp::from(expires)
    )
}

/// Uploads and downloads many parts. Returns the time passed, the number of STS requests, and the number of sessions
/// that the store rejected.
fn transfer(
    lifetime: Duration,
    step_millis: u64,
    connections: usize,
    firm: Option<Duration>,
) -> (Duration, u64, usize) {
    let server = Arc::new(server());
    let time = Arc::new(Time::new(server.clone(), step_millis));
    let (sts, asked) = sts(time.clone(), lifetime, firm);
    let work = tempfile::tempdir().unwrap();
    let token = work.path().join("token");
    std::fs::write(&token, "token").unwrap();
    let attributes =
        format!("type=s3,bucket={},region={},endpoint_url={}", server.bucket(), server.region(), server.endpoint());
    let env = MapEnv::new([
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_ENDPOINT_URL_STS", &sts.url()),
        // STS is asked only once per attempt to get a new session.
        ("AWS_MAX_ATTEMPTS", "1"),
    ]);
    let builder = S3Cache::builder(&attributes.parse().unwrap())
        .env(env)
        .clock(time.clone())
        .tuning(small_parts())
        .connections(connections);
    let opened = builder.open().unwrap();
    let blobs = Blobs::of(&[200 * PART, 40 * PART + 1, 10]);
    opened.export_config(&blobs.config, &blobs, &ExportOptions::new()).unwrap_or_else(|e| panic!("{}", e.chain()));
    blobs.are_in(&server);
    match opened.import(&LocalCache::create(work.path().join("restored"), "latest")) {
        Ok(ImportOutcome::Restored(report)) => assert_eq!(report.blobs.transferred, 3),
        other => panic!("{other:?}"),
    }
    let refused = server.requests().into_iter().filter(|request| request.refused.is_some()).count();
    (time.passed(), asked.load(Ordering::SeqCst), refused)
}

#[test]
fn a_transfer_outlives_two_minute_sessions_with_one_sts_request_each() {
    let lifetime = Duration::from_secs(120);
    let (passed, asked, refused) = transfer(lifetime, 400, 1, None);
    let sessions = passed.as_secs() / lifetime.as_secs();
    assert!(sessions >= 4, "{passed:?}");
    // Each session is used for three quarters of its lifetime.
    assert!(asked > sessions && asked <= 2 + passed.as_secs() / 90, "{asked} in {passed:?}");
    assert_eq!(refused, 0);
}

/// Time passes so fast here that a session may expire while a request is in transit.
#[test]
fn short_sessions_are_renewed_once_for_all_connections() {
    let lifetime = Duration::from_secs(8);
    let (passed, asked, refused) = transfer(lifetime, 25, 8, None);
    assert!(passed > lifetime * 4, "{passed:?}");
    assert!(asked <= 2 + passed.as_secs() / 3, "{asked} with {refused} refused in {passed:?}");
}

#[test]
fn a_service_that_renews_only_at_expiry_is_not_polled() {
    let lifetime = Duration::from_secs(120);
    let (passed, asked, refused) = transfer(lifetime, 400, 1, Some(Duration::from_secs(15)));
    assert!(passed > lifetime * 4, "{passed:?}");
    // Rejected after 90 seconds, and then after each quarter of the remaining time.
    assert!(asked <= 6 * (1 + passed.as_secs() / 105), "{asked} in {passed:?}");
    assert_eq!(refused, 0);
}
