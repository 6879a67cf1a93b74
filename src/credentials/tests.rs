use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use super::*;
use crate::base::{Cancel, Clock, Env, Error, MapEnv};
use crate::config::CacheOptions;

mod chain;
mod precedence;
mod profile;
mod refusals;
mod roles;
mod rules;
mod secrets;
pub(super) mod server;
mod settings;

pub(super) use precedence::sources;
pub(super) use server::Server;

/// A test environment: a home directory with AWS files, attributes, variables, and a clock.
pub(super) struct World {
    pub(super) home: tempfile::TempDir,
    variables: Vec<(String, String)>,
    options: CacheOptions,
    pub(super) clock: Arc<TestClock>,
}

/// A clock that advances only on sleep, which returns immediately.
pub(super) struct TestClock {
    pub(super) now: Mutex<SystemTime>,
    pub(super) slept: Mutex<Vec<Duration>>,
}

/// 2030-01-01T00:00:00Z.
pub(super) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000)
}

impl TestClock {
    pub(super) fn advance(&self, seconds: u64) {
        *self.now.lock().unwrap() += Duration::from_secs(seconds);
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        *self.now.lock().unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
    }

    fn sleep(&self, duration: Duration, _: &Cancel) {
        *self.now.lock().unwrap() += duration;
        self.slept.lock().unwrap().push(duration);
    }
}

/// The logs of all tests.
struct Logs(Mutex<String>);

impl log::Log for Logs {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // The crate's documentation warns about what this level shows.
        if record.level() == log::Level::Trace && record.target().starts_with("ureq_proto") {
            return;
        }
        let mut text = self.0.lock().unwrap();
        text.push_str(&format!("{}: {}\n", record.level(), record.args()));
    }

    fn flush(&self) {}
}

fn logs() -> &'static Logs {
    static LOGS: OnceLock<Logs> = OnceLock::new();
    LOGS.get_or_init(|| Logs(Mutex::default()))
}

/// The keys of a profile. Every secret here and below contains MARKED and must never be shown.
const KEYS: &str = "aws_access_key_id=AKPROFILE\naws_secret_access_key=MARKED-p\naws_session_token=MARKED-pt\n";

impl World {
    /// Creates a world that queries no instance unless a variable overrides this.
    pub(super) fn new(variables: &[(&str, &str)]) -> Self {
        let _ = log::set_logger(logs());
        log::set_max_level(log::LevelFilter::Trace);
        let home = tempfile::tempdir().unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let off = ("AWS_EC2_METADATA_DISABLED", "TRUE");
        let clock = TestClock { now: Mutex::new(start()), slept: Mutex::default() };
        Self {
            home,
            variables: [off].iter().chain(variables).map(owned).collect(),
            options: CacheOptions::new("b"),
            clock: Arc::new(clock),
        }
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Directs all services to this server.
    pub(super) fn at(self, server: &Server) -> Self {
        let url = server.url();
        self.with("AWS_ENDPOINT_URL_STS", &url)
            .with("AWS_ENDPOINT_URL_SSO", &url)
            .with("AWS_ENDPOINT_URL_SSO_OIDC", &url)
            .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &format!("{url}/path/that/goes"))
    }

    /// Writes a file in the home directory and returns its path.
    pub(super) fn put(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(super) fn context(&self) -> Context {
        self.context_in(Arc::new(self.env()))
    }

    pub(super) fn context_in(&self, env: Arc<dyn Env>) -> Context {
        Context {
            env,
            clock: self.clock.clone(),
            cancel: Cancel::new(),
            ca_bundle: None,
            region: "eu-west-1".to_owned(),
            fips: false,
            dualstack: false,
            attempts: 3,
        }
    }

    fn file(self, name: &str, text: &str) -> Self {
        let dir = self.home.path().join(".aws");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(name), text).unwrap();
        self
    }

    fn put_bytes(self, name: &str, bytes: &[u8]) -> Self {
        std::fs::write(self.put(name, "").as_str(), bytes).unwrap();
        self
    }

    pub(super) fn config(self, text: &str) -> Self {
        self.file("config", text)
    }

    pub(super) fn credentials(self, text: &str) -> Self {
        self.file("credentials", text)
    }

    pub(super) fn options(mut self, change: impl FnOnce(&mut CacheOptions)) -> Self {
        change(&mut self.options);
        self
    }

    pub(super) fn env(&self) -> MapEnv {
        let home = ("HOME".to_owned(), self.home.path().display().to_string());
        MapEnv::new(self.variables.iter().cloned().chain([home]))
    }

    fn profile(&self) -> Result<Profile> {
        Profile::load(&self.options, &self.env())
    }

    pub(super) fn provider(&self) -> Result<Option<Arc<dyn CredentialsProvider>>> {
        provider(&self.options, &self.env(), &self.profile()?, &self.context())
    }

    /// Returns the ID, secret and token, or the error. Asserts that neither the error's text nor any Debug output shows
    /// a secret.
    pub(super) fn keys(&self) -> std::result::Result<(String, String, String), Error> {
        let debug = format!("{:?} {:?} {:?}", self.options, self.env(), self.profile());
        assert!(!debug.contains("MARKED"), "{debug}");
        match self.provider() {
            Ok(provider) => {
                let provider = provider.expect("not anonymous");
                let keys = provider.credentials()?;
                let shown = format!("{keys:?} {}", provider.origin());
                assert!(!shown.contains("MARKED") && !shown.contains(&keys.access_key_id), "{shown}");
                let token = keys.session_token.map_or(String::new(), |token| token.expose().to_owned());
                Ok((keys.access_key_id, keys.secret_access_key.expose().to_owned(), token))
            }
            Err(error) => {
                let shown = format!("{error:?} {} {:?}", error.chain(), error.hint());
                assert!(!shown.contains("MARKED"), "{shown}");
                assert!(error.hint().is_some(), "{shown}");
                Err(error)
            }
        }
    }

    pub(super) fn id(&self) -> String {
        self.keys().unwrap().0
    }

    /// Returns the error's message and hint.
    pub(super) fn error(&self) -> String {
        let error = self.keys().unwrap_err();
        format!("{}: {} ({})", error.kind().as_str(), error.chain(), error.hint().unwrap_or_default())
    }

    fn settings(&self) -> Result<S3Settings> {
        match Settings::resolve(&self.options, &self.env())? {
            Settings::S3(settings) => Ok(*settings),
            Settings::Directory { .. } => panic!("a directory"),
        }
    }

    fn settings_error(&self) -> String {
        let error = self.settings().unwrap_err();
        assert!(error.hint().is_some(), "{error}");
        format!("{}: {}", error.kind().as_str(), error.chain())
    }
}

pub(super) fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("{part:?} is not where it should be in {text:?}")).1;
    }
}

const ENV_KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "AKENV"), ("AWS_SECRET_ACCESS_KEY", "MARKED-e"), ("AWS_SESSION_TOKEN", "MARKED-et")];
