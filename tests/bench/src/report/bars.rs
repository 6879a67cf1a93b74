//! The promises of speed, as data, held against what was measured.

use super::statistics::paired;
use super::{Metric, Results};

pub(crate) struct Bar {
    pub(crate) case: &'static str,
    pub(crate) name: String,
    pub(crate) measured: f64,
    pub(crate) limit: f64,
    pub(crate) unit: &'static str,
    /// The limit is the least, not the most.
    pub(crate) least: bool,
}

impl Bar {
    pub(crate) fn met(&self) -> bool {
        // Not a number is missed.
        if self.least { self.measured >= self.limit } else { self.measured <= self.limit }
    }
}

const OURS: &str = "s3-build-cache";
const RATIO: &str = "×";

/// Every bar for which there are measurements.
pub(crate) fn all(results: &Results) -> Vec<Bar> {
    let mut bars = Vec::new();
    big(results, &mut bars);
    bars
}

/// Ours in terms of a peer's.
fn ratio(results: &Results, place: (&str, &str, &str), peer: &str, metric: Metric) -> Option<f64> {
    let (case, server, what) = place;
    let ours: Vec<f64> = results.find(case, server, what, OURS)?.all(metric).collect();
    let theirs: Vec<f64> = results.find(case, server, what, peer)?.all(metric).collect();
    Some(paired(&ours, &theirs))
}

fn big(results: &Results, bars: &mut Vec<Bar>) {
    let mut at_most = |name: String, measured: Option<f64>, limit: f64, unit| {
        if let Some(measured) = measured {
            bars.push(Bar { case: "big", name, measured, limit, unit, least: false });
        }
    };
    for server in ["sink", "sink+tls", "seaweedfs", "seaweedfs+tls"] {
        let (up, down) = (("big", server, "export"), ("big", server, "import"));
        let peak = |what| Some(results.find("big", server, what, OURS)?.median(Metric::Peak) / 1024.0);
        if server.ends_with("+tls") {
            at_most(format!("{server} export: CPU / s5cmd"), ratio(results, up, "s5cmd", Metric::Cpu), 0.5, RATIO);
            at_most(format!("{server} import: CPU / s5cmd"), ratio(results, down, "s5cmd", Metric::Cpu), 0.8, RATIO);
            continue;
        }
        at_most(format!("{server} export: CPU / s5cmd"), ratio(results, up, "s5cmd", Metric::Cpu), 0.2, RATIO);
        at_most(format!("{server} export: wall / s5cmd"), ratio(results, up, "s5cmd", Metric::Wall), 1.0, RATIO);
        at_most(format!("{server} export: wall / rclone"), ratio(results, up, "rclone", Metric::Wall), 1.0, RATIO);
        at_most(format!("{server} export: peak"), peak("export"), 24.0, "MiB");
        let allowed = with(results, down, Metric::Cpu, "sha256 in-process");
        at_most(format!("{server} import: CPU / (s5cmd + sha256)"), allowed, 1.0, RATIO);
        at_most(format!("{server} import: wall / s5cmd"), ratio(results, down, "s5cmd", Metric::Wall), 1.2, RATIO);
        let checked = with(results, down, Metric::Wall, "sha256sum after s5cmd");
        at_most(format!("{server} import: wall / (s5cmd, then sha256sum)"), checked, 0.8, RATIO);
        at_most(format!("{server} import: peak"), peak("import"), 24.0, "MiB");
    }
}

/// Ours in terms of s5cmd's and something else's together.
fn with(results: &Results, place: (&str, &str, &str), metric: Metric, other: &str) -> Option<f64> {
    let (case, server, what) = place;
    let ours: Vec<f64> = results.find(case, server, what, OURS)?.all(metric).collect();
    let theirs = results.find(case, server, what, "s5cmd")?.all(metric);
    let others = results.find(case, server, what, other)?.all(metric);
    let sums: Vec<f64> = theirs.zip(others).map(|(theirs, other)| theirs + other).collect();
    Some(paired(&ours, &sums))
}
