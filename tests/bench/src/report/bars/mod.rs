//! The performance bars, as data, and their comparison with the measurements.
//!
//! Times are compared only with other times of the same run: those of other tools, and what the machine needs at least.
//! Sizes and numbers of round trips do not depend on the machine, so their limits are absolute.

mod bucket;
mod local;
#[cfg(test)]
mod tests;
mod transfers;

use super::statistics::{median, paired};
use super::{Metric, Results};

const OURS: &str = "s3-build-cache";
const RATIO: &str = "×";
const MIB: &str = "MiB";

pub(crate) struct Bar {
    pub(crate) case: &'static str,
    pub(crate) name: String,
    pub(crate) measured: f64,
    pub(crate) limit: f64,
    pub(crate) unit: &'static str,
    /// Whether the limit is a minimum, not a maximum.
    pub(crate) least: bool,
}

impl Bar {
    /// Returns whether the value meets the bar. A value that is not a number does not.
    pub(crate) fn met(&self) -> bool {
        if self.least { self.measured >= self.limit } else { self.measured <= self.limit }
    }
}

/// Returns every bar with measurements.
pub(crate) fn all(results: &Results) -> Vec<Bar> {
    let mut bars = Bars { results, bars: Vec::new() };
    transfers::add(&mut bars);
    bucket::add(&mut bars);
    local::add(&mut bars);
    bars.bars
}

/// The case, server and direction.
type Place<'a> = (&'static str, &'a str, &'a str);

struct Bars<'a> {
    results: &'a Results,
    bars: Vec<Bar>,
}

impl Bars<'_> {
    /// Adds a bar with a maximum, if there is a value.
    fn most(&mut self, case: &'static str, name: String, measured: Option<f64>, limit: f64, unit: &'static str) {
        self.bars.extend(measured.map(|measured| Bar { case, name, measured, limit, unit, least: false }));
    }

    /// Adds a bar with a minimum, if there is a value.
    fn least(&mut self, case: &'static str, name: String, measured: Option<f64>, limit: f64, unit: &'static str) {
        self.bars.extend(measured.map(|measured| Bar { case, name, measured, limit, unit, least: true }));
    }

    fn samples(&self, place: Place<'_>, tool: &str, metric: Metric) -> Option<Vec<f64>> {
        let (case, server, what) = place;
        Some(self.results.find(case, server, what, tool)?.all(metric).collect())
    }

    fn median(&self, place: Place<'_>, tool: &str, metric: Metric) -> Option<f64> {
        self.samples(place, tool, metric).map(|samples| median(samples.into_iter()))
    }

    /// One tool's value divided by another's.
    fn ratio(&self, place: Place<'_>, (tool, peer): (&str, &str), metric: Metric) -> Option<f64> {
        Some(paired(&self.samples(place, tool, metric)?, &self.samples(place, peer, metric)?))
    }

    /// Our value divided by the sum of those of two others.
    fn of_sum(&self, place: Place<'_>, (one, other): (&str, &str), metric: Metric) -> Option<f64> {
        let (one, other) = (self.samples(place, one, metric)?, self.samples(place, other, metric)?);
        let sums: Vec<f64> = one.iter().zip(&other).map(|(one, other)| one + other).collect();
        Some(paired(&self.samples(place, OURS, metric)?, &sums))
    }

    /// The median length of the longest chain of requests.
    fn depth(&self, (case, server, what): Place<'_>, tool: &str) -> Option<f64> {
        let series = self.results.find(case, server, what, tool)?;
        Some(median(series.samples.iter().filter_map(|sample| sample.seen).map(|seen| seen.depth as f64)))
    }

    fn peak(&self, place: Place<'_>) -> Option<f64> {
        self.median(place, OURS, Metric::Peak).map(|kib| kib / 1024.0)
    }
}
