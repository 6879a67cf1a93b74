//! Runs a command on each of several buckets.

use std::time::Instant;

use s3_build_cache::{CacheOptions, Error, Result, S3Cache};
use serde_json::Value;

use crate::output::json::{Elements, Object};
use crate::output::{exit, failure, json};
use crate::session::{Session, label};

/// The result for one bucket.
pub(super) struct Done {
    pub(super) outcome: &'static str,
    /// The command's own fields.
    pub(super) body: Object,
    pub(super) status: u8,
}

/// The results for all buckets.
pub(super) struct All {
    pub(super) body: Object,
    /// The exit status: the first that is not zero.
    pub(super) status: u8,
    /// The first outcome that is not the usual one.
    pub(super) outcome: &'static str,
}

/// Returns the body of a run that did nothing.
pub(super) fn nothing() -> Value {
    json!({"targets": Value::Array(Vec::new()), "requests": 0, "seconds": 0.0})
}

/// Runs `work` on each bucket, also after one has failed. `usual` is the outcome of a command without findings.
pub(super) fn for_each(
    session: &Session,
    buckets: &[CacheOptions],
    usual: &'static str,
    work: &mut dyn FnMut(&S3Cache) -> Result<Done>,
) -> All {
    let begun = Instant::now();
    let (mut targets, mut requests, mut status, mut outcome) = (Vec::new(), 0, 0, usual);
    for options in buckets {
        let cache = session.open(options);
        let name = cache.as_ref().map_or_else(|_| label(options), S3Cache::location);
        let done = match &cache {
            Ok(cache) => work(cache),
            Err(error) => Err(error.clone()),
        };
        requests += cache.as_ref().map_or(0, S3Cache::requests);
        let done = done.unwrap_or_else(|error| failed(session, &name, buckets.len(), &error));
        if status == 0 {
            status = done.status;
        }
        if outcome == usual {
            outcome = done.outcome;
        }
        targets.push(done.body.with(json!({"cache": name, "outcome": done.outcome})));
        if session.cancel.is_cancelled() {
            break;
        }
    }
    let fields = json!({"requests": requests, "seconds": json::seconds(begun.elapsed())});
    let targets: Elements = Box::new(move |each| targets.iter().for_each(&mut *each));
    All { body: Object { fields, arrays: vec![("targets", targets)] }, status, outcome }
}

/// Reports that the command failed for one bucket.
fn failed(session: &Session, name: &str, buckets: usize, error: &Error) -> Done {
    session.complain(if buckets > 1 { name } else { "" }, error);
    let body = json!({"error": failure::json(error)}).into();
    Done { outcome: "failed", body, status: exit::status(error.kind()) }
}

/// Reports the names that were given exactly and have no manifest. Returns the exit status.
pub(super) fn absent(session: &Session, cache: &S3Cache, names: &[String]) -> u8 {
    for name in names {
        let error = Error::not_found(format!("there is no manifest named {name} in {}", cache.location()));
        session.complain("", &error.with_hint("leave out name= to see all names"));
    }
    if names.is_empty() { 0 } else { exit::OTHER }
}
