use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::aws::{Profile, S3Settings, ServiceContext, Settings};
use crate::base::{Cancel, Clock, Env, MapEnv, Result};
use crate::config::{CacheOptions, quote_field};

mod logs;
mod profile;
mod settings;
mod sts;
mod variables;

pub(crate) use logs::logs;

/// A test environment: a home directory with AWS files, attributes, variables, and a clock.
pub(crate) struct World {
    pub(crate) home: tempfile::TempDir,
    pub(crate) variables: Vec<(String, String)>,
    attributes: BTreeMap<String, String>,
    pub(crate) clock: Arc<TestClock>,
}

/// A clock that advances only on sleep, which returns immediately.
pub(crate) struct TestClock {
    pub(crate) now: Mutex<SystemTime>,
    pub(crate) slept: Mutex<Vec<Duration>>,
}

/// 2030-01-01T00:00:00Z.
pub(crate) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_893_456_000)
}

impl TestClock {
    pub(crate) fn advance(&self, seconds: u64) {
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

impl World {
    /// Creates a world that queries no instance unless a variable overrides this.
    pub(crate) fn new(variables: &[(&str, &str)]) -> Self {
        let _ = log::set_logger(logs());
        log::set_max_level(log::LevelFilter::Trace);
        let home = tempfile::tempdir().unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let off = ("AWS_EC2_METADATA_DISABLED", "TRUE");
        let clock = TestClock { now: Mutex::new(start()), slept: Mutex::default() };
        Self {
            home,
            variables: [off].iter().chain(variables).map(owned).collect(),
            attributes: BTreeMap::from(
                [("type", "s3"), ("bucket", "cache")].map(|(name, value)| (name.into(), value.into())),
            ),
            clock: Arc::new(clock),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes a file in the home directory and returns its path.
    pub(crate) fn put(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    pub(crate) fn context(&self) -> ServiceContext {
        self.context_in(Arc::new(self.env()))
    }

    pub(crate) fn context_in(&self, env: Arc<dyn Env>) -> ServiceContext {
        ServiceContext {
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

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let dir = self.home.path().join(".aws");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(name), text).unwrap();
        self
    }

    pub(crate) fn put_bytes(self, name: &str, bytes: &[u8]) -> Self {
        std::fs::write(self.put(name, "").as_str(), bytes).unwrap();
        self
    }

    pub(crate) fn config(self, text: &str) -> Self {
        self.file("config", text)
    }

    pub(crate) fn credentials(self, text: &str) -> Self {
        self.file("credentials", text)
    }

    /// Sets an attribute of the cache, or unsets it if the value is empty.
    pub(crate) fn attribute(self, name: &str, value: &str) -> Self {
        self.attributes(&[(name, value)])
    }

    pub(crate) fn attributes(mut self, attributes: &[(&str, &str)]) -> Self {
        self.attributes.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    pub(crate) fn options(&self) -> Result<CacheOptions> {
        let set = self.attributes.iter().filter(|(_, value)| !value.is_empty());
        let fields: Vec<String> = set.map(|(name, value)| quote_field(&format!("{name}={value}"))).collect();
        fields.join(",").parse()
    }

    pub(crate) fn env(&self) -> MapEnv {
        let home = ("HOME".to_owned(), self.home.path().display().to_string());
        MapEnv::new(self.variables.iter().cloned().chain([home]))
    }

    pub(crate) fn profile(&self) -> Result<Profile> {
        Profile::load(self.options()?.credentials().profile.as_deref(), &self.env())
    }

    pub(crate) fn all_settings(&self) -> Result<Settings> {
        let options = self.options()?;
        let profile = options.credentials().profile.as_deref();
        Settings::resolve(options.location(), options.policy(), profile, &self.env())
    }

    pub(crate) fn settings(&self) -> Result<S3Settings> {
        match self.all_settings()? {
            Settings::S3(settings) => Ok(*settings),
            Settings::Directory { .. } => panic!("a directory"),
        }
    }

    pub(crate) fn settings_error(&self) -> String {
        let error = self.settings().unwrap_err();
        assert!(error.hint().is_some(), "{error}");
        format!("{}: {}", error.kind().as_str(), error.chain())
    }
}

pub(crate) fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("{part:?} is not where it should be in {text:?}")).1;
    }
}
