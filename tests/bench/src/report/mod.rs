//! The measurements, and the ways to show them.

mod bars;
mod json;
mod statistics;
mod svg;
mod table;

use std::fs;

use crate::Outcome;
use crate::driver::options::Options;
use crate::driver::programs::Programs;
use crate::driver::sample::Sample;
use statistics::median;

/// The subject of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) case: String,
    pub(crate) server: String,
    /// The direction, or a variant of the case.
    pub(crate) what: String,
    pub(crate) tool: String,
}

/// The runs of one tool at one task, in the order of the rounds.
pub(crate) struct Series {
    pub(crate) key: Key,
    pub(crate) bytes: u64,
    pub(crate) samples: Vec<Sample>,
}

/// Single numbers: sizes, and times within a process.
pub(crate) struct Value {
    pub(crate) case: String,
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

/// A transfer that was interrupted, and repeated to complete it. Sizes are in bytes.
pub(crate) struct Interruption {
    /// The direction.
    pub(crate) what: &'static str,
    pub(crate) tool: String,
    /// The share of the bytes after which it was interrupted.
    pub(crate) percent: u64,
    pub(crate) moved: u64,
    /// The blobs that were in the store or directory afterwards, complete and with the right digest.
    pub(crate) kept: u64,
    /// What the repetition transferred.
    pub(crate) again: u64,
    /// What may be lost: one request of each connection, and one blob.
    pub(crate) allowed: u64,
    /// Whether all blobs were complete after the repetition.
    pub(crate) complete: bool,
}

impl Interruption {
    /// Returns the bytes that were transferred in vain.
    pub(crate) fn lost(&self) -> u64 {
        self.moved.saturating_sub(self.kept)
    }

    pub(crate) fn share(&self) -> f64 {
        self.lost() as f64 / self.allowed as f64
    }
}

#[derive(Default)]
pub(crate) struct Results {
    pub(crate) versions: Vec<(&'static str, String)>,
    pub(crate) runs: usize,
    pub(crate) quick: bool,
    pub(crate) series: Vec<Series>,
    pub(crate) values: Vec<Value>,
    pub(crate) interruptions: Vec<Interruption>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    Wall,
    Cpu,
    Peak,
}

impl Metric {
    fn of(self, sample: &Sample) -> f64 {
        match self {
            Self::Wall => sample.wall,
            Self::Cpu => sample.cpu,
            Self::Peak => sample.peak_kib,
        }
    }
}

impl Series {
    pub(crate) fn all(&self, metric: Metric) -> impl Iterator<Item = f64> {
        self.samples.iter().map(move |sample| metric.of(sample))
    }

    pub(crate) fn median(&self, metric: Metric) -> f64 {
        median(self.all(metric))
    }
}

impl Results {
    pub(crate) fn new(options: &Options, programs: &Programs) -> Outcome<Self> {
        let versions = programs.versions()?;
        Ok(Self { versions, runs: options.runs, quick: options.quick, ..Self::default() })
    }

    pub(crate) fn add(&mut self, key: Key, bytes: u64, sample: Sample) {
        match self.series.iter_mut().find(|series| series.key == key) {
            Some(series) => series.samples.push(sample),
            None => self.series.push(Series { key, bytes, samples: vec![sample] }),
        }
    }

    pub(crate) fn value(&mut self, case: &str, name: &str, value: f64, unit: &'static str) {
        self.values.push(Value { case: case.to_owned(), name: name.to_owned(), value, unit });
    }

    pub(crate) fn find(&self, case: &str, server: &str, what: &str, tool: &str) -> Option<&Series> {
        self.series.iter().find(|series| {
            let key = &series.key;
            (key.case.as_str(), key.server.as_str(), key.what.as_str(), key.tool.as_str()) == (case, server, what, tool)
        })
    }

    fn found(&self, case: &str, name: &str) -> Option<f64> {
        self.values.iter().find(|value| value.case == case && value.name == name).map(|value| value.value)
    }
}

/// Prints and writes the requested reports. Returns whether all bars were met.
pub(crate) fn show(options: &Options, results: &Results) -> Outcome<bool> {
    let bars = bars::all(results);
    print!("{}", table::text(results, &bars));
    if let Some(path) = &options.json {
        fs::write(path, json::document(results, &bars))?;
    }
    if let Some(path) = &options.svg {
        fs::write(path, svg::picture(results).ok_or("nothing was measured that the picture shows")?)?;
    }
    Ok(bars.iter().all(|bar| bar.met()))
}
