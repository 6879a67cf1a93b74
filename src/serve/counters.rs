//! Counts what a server does.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::Unpoisoned as _;

/// What a server has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServeSummary {
    /// Requests that were answered, including refused ones.
    pub requests: u64,
    /// Manifests requested by tag and found.
    pub manifests_found: u64,
    /// Manifests requested by tag and not found.
    pub manifests_missed: u64,
    /// The names of the manifests that were found.
    pub names_found: Vec<String>,
    /// Layers that were sent whole. One that is resumed counts once it is complete.
    pub blobs_served: u64,
    /// Bytes of layers sent to clients.
    pub bytes_down: u64,
    /// Blobs that clients uploaded and the store has now.
    pub blobs_uploaded: u64,
    /// Blobs that a push found in the store.
    pub blobs_present: u64,
    /// Bytes of these blobs.
    pub bytes_up: u64,
    /// The names of the manifests that were written.
    pub names_written: Vec<String>,
    /// Requests that failed because of the store.
    pub failures: u64,
}

/// Counters that all connections share.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) requests: Counter,
    pub(super) manifests_found: Counter,
    pub(super) manifests_missed: Counter,
    pub(super) blobs_served: Counter,
    pub(super) bytes_down: Counter,
    pub(super) blobs_uploaded: Counter,
    pub(super) blobs_present: Counter,
    pub(super) bytes_up: Counter,
    pub(super) manifests_written: Counter,
    pub(super) failures: Counter,
    names_found: Names,
    names_written: Names,
}

/// Names, each listed once.
#[derive(Debug, Default)]
struct Names(Mutex<Vec<String>>);

/// One number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

/// The most names that are remembered, because a server may run for months.
const MOST_NAMES: usize = 1000;

impl Counter {
    pub(super) fn add(&self, number: u64) {
        self.0.fetch_add(number, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Names {
    fn add(&self, name: &str) {
        let mut names = self.0.lock().unpoisoned();
        if names.len() < MOST_NAMES && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }

    fn get(&self) -> Vec<String> {
        self.0.lock().unpoisoned().clone()
    }
}

impl Counters {
    /// Counts a manifest that was written under this name.
    pub(super) fn wrote(&self, name: &str) {
        self.manifests_written.add(1);
        self.names_written.add(name);
    }

    /// Counts a manifest that was found, merged from those with these names.
    pub(super) fn found(&self, names: &[String]) {
        self.manifests_found.add(1);
        names.iter().for_each(|name| self.names_found.add(name));
    }

    pub(super) fn summary(&self) -> ServeSummary {
        ServeSummary {
            requests: self.requests.get(),
            manifests_found: self.manifests_found.get(),
            manifests_missed: self.manifests_missed.get(),
            names_found: self.names_found.get(),
            blobs_served: self.blobs_served.get(),
            bytes_down: self.bytes_down.get(),
            blobs_uploaded: self.blobs_uploaded.get(),
            blobs_present: self.blobs_present.get(),
            bytes_up: self.bytes_up.get(),
            names_written: self.names_written.get(),
            failures: self.failures.get(),
        }
    }

    /// Returns the counters in the text format of Prometheus.
    pub(super) fn metrics(&self) -> String {
        let rows = [
            ("requests", "Requests answered.", &self.requests),
            ("manifests_found", "Manifests requested by tag and found.", &self.manifests_found),
            ("manifests_missed", "Manifests requested by tag and not found.", &self.manifests_missed),
            ("manifests_written", "Manifests written.", &self.manifests_written),
            ("blobs_served", "Layers sent whole.", &self.blobs_served),
            ("blobs_uploaded", "Blobs uploaded.", &self.blobs_uploaded),
            ("blobs_present", "Blobs that a push found in the store.", &self.blobs_present),
            ("sent_bytes", "Bytes of layers sent to clients.", &self.bytes_down),
            ("received_bytes", "Bytes of uploaded blobs.", &self.bytes_up),
            ("failures", "Requests that failed because of the store.", &self.failures),
        ];
        let mut text = String::new();
        for (name, help, counter) in rows {
            let name = format!("s3_build_cache_{name}_total");
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {}\n", counter.get());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_a_type_a_help_and_a_value() {
        let counters = Counters::default();
        counters.bytes_down.add(7);
        let text = counters.metrics();
        assert!(text.contains("# TYPE s3_build_cache_sent_bytes_total counter\ns3_build_cache_sent_bytes_total 7\n"));
        assert_eq!(text.lines().filter(|line| line.starts_with("# HELP")).count(), 10);
    }

    #[test]
    fn a_name_is_listed_once() {
        let counters = Counters::default();
        for name in ["a", "b", "a"] {
            counters.wrote(name);
        }
        assert_eq!(counters.summary().names_written, ["a", "b"]);
    }
}
