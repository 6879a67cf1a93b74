//! Diagnoses why a cache does not work: checks each step separately and reports it with a fix.

mod access;
mod bucket;
mod connection;
mod session;

use std::sync::Arc;

use crate::aws::{S3Settings, Settings};
use crate::base::{Error, Result};
use crate::bucket::Keys;
use crate::config::{CacheOptions, KeyLayout};
use crate::object::ObjectStore;
use crate::ops::cache::S3CacheBuilder;
use crate::s3::{Endpoint, S3Client};
use crate::store::{self, DirStore, StoreParts};

/// The hint for failures without a more specific one.
pub const NO_BETTER_HINT: &str = "check endpoint_url, region and bucket";

/// Options of a [diagnosis](S3CacheBuilder::diagnose).
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct DoctorOptions {
    /// Whether to write, touch and delete a small object, always under the same key. A missing permission to delete it
    /// is not a failure.
    pub write: bool,
}

impl DoctorOptions {
    /// Returns the defaults: read only.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`write`](Self::write).
    #[must_use]
    pub fn write(mut self, write: bool) -> Self {
        self.write = write;
        self
    }
}

/// One step of a diagnosis and its outcome.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Check {
    /// One of `options`, `region`, `endpoint`, `dns`, `tcp`, `proxy`, `tls`, `http`, `clock`, `credentials`, `key`,
    /// `expiry`, `identity`, `session`, `bucket`, `list`, `read`, `lifecycle`, `write`, `touch`, `delete`. Later
    /// versions may add more.
    pub name: &'static str,
    /// The outcome of the step.
    pub outcome: CheckOutcome,
    /// What was found, what failed and why, or why the step was skipped, in one line without secrets.
    pub detail: String,
    /// The likely fix for a failure, or a note on a success.
    pub hint: Option<String>,
    /// The content of `detail` for programs. For `endpoint`: `endpoint` (the URL), `signing_service`, `signing_region`,
    /// `bucket_type`, and `zone` for a directory bucket. For `session`: `session_mode` and `session_expires`.
    pub facts: Vec<(&'static str, String)>,
}

/// The outcome of one step of a diagnosis.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CheckOutcome {
    /// The step succeeded.
    Passed,
    /// The step failed.
    Failed(Error),
    /// The step was skipped because it does not apply or an earlier step failed, or because it is not needed and was
    /// refused.
    Skipped,
}

/// Receives the checks as they finish.
struct Findings<'a>(&'a mut dyn FnMut(&Check));

impl Findings<'_> {
    fn report(&mut self, name: &'static str, outcome: CheckOutcome, detail: String, hint: Option<&str>) {
        (self.0)(&Check { name, outcome, detail, hint: hint.map(str::to_owned), facts: Vec::new() });
    }

    fn passed(&mut self, name: &'static str, detail: impl Into<String>) {
        self.report(name, CheckOutcome::Passed, detail.into(), None);
    }

    /// Reports a success with facts for programs.
    fn passed_with(&mut self, name: &'static str, detail: String, facts: Vec<(&'static str, String)>) {
        (self.0)(&Check { name, outcome: CheckOutcome::Passed, detail, hint: None, facts });
    }

    fn failed(&mut self, name: &'static str, error: &Error) {
        let hint = error.hint().unwrap_or(NO_BETTER_HINT);
        self.report(name, CheckOutcome::Failed(error.clone()), error.chain(), Some(hint));
    }

    fn skipped(&mut self, names: &[&'static str], why: &str) {
        for name in names {
            self.report(name, CheckOutcome::Skipped, why.to_owned(), None);
        }
    }

    /// Reports the outcome, and returns the value if the step succeeded.
    fn of<T>(&mut self, name: &'static str, result: Result<T>, detail: impl FnOnce(&T) -> String) -> Option<T> {
        match result {
            Ok(value) => {
                self.passed(name, detail(&value));
                Some(value)
            }
            Err(error) => {
                self.failed(name, &error);
                None
            }
        }
    }
}

impl S3CacheBuilder {
    /// Checks every step separately, from the options to the manifests, and reports each with its fix as it finishes. A
    /// failed step does not end the diagnosis; steps that depend on it are skipped.
    ///
    /// Writes nothing unless `options` enable it, and then removes what it wrote. Ends early if the cancel handle is
    /// cancelled.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bucket = tempfile::tempdir()?;
    /// use s3_build_cache::{CacheOptions, S3Cache};
    /// use s3_build_cache::doctor::{CheckOutcome, DoctorOptions};
    ///
    /// let options: CacheOptions =
    ///     format!("type=s3,bucket=my-cache,endpoint_url=file://{}", bucket.path().display()).parse()?;
    /// let mut failed = 0;
    /// S3Cache::builder(&options).diagnose(&DoctorOptions::new().write(true), |check| {
    ///     println!("{}: {}", check.name, check.detail);
    ///     failed += usize::from(matches!(check.outcome, CheckOutcome::Failed(_)));
    /// });
    /// assert_eq!(failed, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn diagnose(self, options: &DoctorOptions, mut report: impl FnMut(&Check)) {
        let mut findings = Findings(&mut report);
        match open(&mut findings, &self, options.write) {
            Ok(OpenedStore { store, bucket }) => {
                bucket::examine(&mut findings, &self.on(store), &bucket, options);
            }
            Err(why) => {
                findings.skipped(bucket::READING, why);
                findings.skipped(if options.write { bucket::WRITING } else { &[] }, why);
            }
        }
    }
}

/// A store that is ready to be checked.
struct OpenedStore {
    store: Arc<dyn ObjectStore>,
    /// Describes the bucket once it has responded.
    bucket: Box<dyn Fn() -> Result<&'static str>>,
}

/// Opens the store. If an earlier step failed, returns why the store is not worth checking.
fn open(
    findings: &mut Findings<'_>,
    builder: &S3CacheBuilder,
    write: bool,
) -> std::result::Result<OpenedStore, &'static str> {
    let (options, parts) = (&builder.options, StoreParts { brief: true, ..builder.store_parts() });
    let opened = |store| OpenedStore { store, bucket: Box::new(|| Ok("exists")) };
    if let Some(store) = &builder.store {
        findings.passed("options", understood(options.keys(), &store.location("")));
        return Ok(opened(store.clone()));
    }
    let place = |settings: &Settings| match settings {
        Settings::Directory { dir, bucket } => format!("{}/{bucket}/", dir.display()),
        Settings::S3(settings) => format!("s3://{}/", settings.bucket.name()),
    };
    let resolved = store::settings(options, &*parts.env);
    match findings.of("options", resolved, |settings| understood(options.keys(), &place(settings))) {
        None => Err("the options are invalid"),
        Some(Settings::S3(settings)) => {
            // A diagnosis reports the first failure instead of retrying; a correction does not count as a second
            // attempt.
            let settings = S3Settings { max_attempts: 1, service_attempts: 1, ..*settings };
            let store = open_s3(findings, options, &settings, parts)?;
            session::begin(findings, &store, write)?;
            let (region, bucket) = (settings.region.value, store.clone());
            let bucket = Box::new(move || in_region(&bucket, &region));
            Ok(OpenedStore { store, bucket })
        }
        Some(Settings::Directory { dir, bucket }) => {
            let place = dir.join(&bucket);
            let store = DirStore::new(dir, &bucket, parts.clock);
            let store = findings.of("endpoint", store, |_| "a directory on this machine".to_owned());
            let bucket =
                move || Ok(if place.is_dir() { "exists" } else { "does not exist yet; the first export creates it" });
            store
                .map(|store| OpenedStore { store: Arc::new(store), bucket: Box::new(bucket) })
                .ok_or("the directory cannot be used")
        }
    }
}

fn open_s3(
    findings: &mut Findings<'_>,
    options: &CacheOptions,
    settings: &S3Settings,
    parts: StoreParts,
) -> std::result::Result<Arc<S3Client>, &'static str> {
    let region = settings.region.clone();
    findings.passed("region", format!("{} ({})", region.value, region.origin));
    // The connection does not depend on the credentials, and the credentials may need it too.
    let reached = match store::open_s3(options, settings, None, parts.clone()) {
        Ok(store) => {
            findings.passed_with("endpoint", endpoint(&store, settings), facts(&store.endpoint()));
            connection::examine(findings, &store)
        }
        Err(error) => {
            findings.failed("endpoint", &error);
            findings.skipped(connection::STEPS, "the endpoint cannot be used");
            false
        }
    };
    let credentials = access::examine(findings, options.credentials(), (settings, &parts), reached);
    if !reached {
        return Err("the endpoint cannot be reached");
    }
    let credentials = credentials.ok_or("there are no credentials")?;
    let store = store::open_s3(options, settings, credentials, parts).map_err(|_| "the endpoint cannot be used")?;
    Ok(Arc::new(store))
}

/// Checks that the bucket is in the configured region.
fn in_region(store: &S3Client, region: &str) -> Result<&'static str> {
    let endpoint = store.endpoint();
    if endpoint.region == store.configured_region() {
        return Ok("exists");
    }
    let message = format!("the bucket is in region {}, not {region}: each run sends an extra request", endpoint.region);
    Err(Error::setup(message).with_hint(format!("set region={}", endpoint.region)))
}

fn understood(layout: &KeyLayout, place: &str) -> String {
    let (names, keys) = (layout.names.join(", "), Keys::new(layout));
    format!("{place} · names {names} · blobs at {} · manifests at {}", keys.blobs(), keys.manifests())
}

fn endpoint(store: &S3Client, settings: &S3Settings) -> String {
    let endpoint = store.endpoint();
    let origin = settings.endpoint.as_ref().map_or("AWS's own", |endpoint| &endpoint.origin);
    let style = if endpoint.path_style { "path style" } else { "virtual-hosted style" };
    let flags = [
        (settings.fips, " · FIPS"),
        (settings.dualstack, " · dual-stack"),
        (settings.accelerate, " · transfer acceleration"),
    ];
    let flags: String = flags.into_iter().filter_map(|(set, text)| set.then_some(text)).collect();
    let zone = endpoint.zone().map(|zone| format!(" in zone {zone}")).unwrap_or_default();
    let kind = match endpoint.bucket_type() {
        "general-purpose" => String::new(),
        kind => format!(" · {}{zone} · signed for {} in {}", kind.replace('-', " "), endpoint.service, endpoint.region),
    };
    format!("{}{} ({origin}) · {style}{flags}{kind}", endpoint.url(), endpoint.bucket_path())
}

/// Returns what programs want to know about an endpoint.
fn facts(endpoint: &Endpoint) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("endpoint", format!("{}{}", endpoint.url(), endpoint.path)),
        ("signing_service", endpoint.service.to_owned()),
        ("signing_region", endpoint.region.clone()),
        ("bucket_type", endpoint.bucket_type().to_owned()),
    ];
    facts.extend(endpoint.zone().map(|zone| ("zone", zone.to_owned())));
    facts
}
