//! The performance bars, as data, and their comparison with the measurements.

use super::statistics::{median, paired};
use super::{Metric, Results};
use crate::cases::build::RELEASE;
use crate::cases::one::RATE;
use crate::cases::warm::{LISTED, ROUND_TRIP_MS, UNLISTED};

const OURS: &str = "s3-build-cache";
const RATIO: &str = "×";
/// The default.
const CONNECTIONS: f64 = 16.0;

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
    for server in ["sink", "seaweedfs"] {
        bars.big(server);
    }
    for server in ["sink+tls", "seaweedfs+tls"] {
        bars.big_with_tls(server);
    }
    bars.one();
    for server in ["sink", "seaweedfs"] {
        bars.small(server);
    }
    bars.warm();
    bars.graph();
    bars.start();
    let build = results.found("build", RELEASE);
    bars.most("build", RELEASE.to_owned(), build, 90.0, "s");
    bars.bars
}

/// The case, server and direction.
type Place<'a> = (&'static str, &'a str, &'a str);

struct Bars<'a> {
    results: &'a Results,
    bars: Vec<Bar>,
}

impl Bars<'_> {
    fn most(&mut self, case: &'static str, name: String, measured: Option<f64>, limit: f64, unit: &'static str) {
        self.bars.extend(measured.map(|measured| Bar { case, name, measured, limit, unit, least: false }));
    }

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

    /// Our value divided by that of another tool.
    fn ratio(&self, place: Place<'_>, peer: &str, metric: Metric) -> Option<f64> {
        Some(paired(&self.samples(place, OURS, metric)?, &self.samples(place, peer, metric)?))
    }

    /// Our value divided by the sum of s5cmd's and another one.
    fn with(&self, place: Place<'_>, other: &str, metric: Metric) -> Option<f64> {
        let theirs = self.samples(place, "s5cmd", metric)?;
        let others = self.samples(place, other, metric)?;
        let sums: Vec<f64> = theirs.iter().zip(&others).map(|(theirs, other)| theirs + other).collect();
        Some(paired(&self.samples(place, OURS, metric)?, &sums))
    }

    fn big(&mut self, server: &str) {
        let (up, down) = (("big", server, "export"), ("big", server, "import"));
        let named = |text: &str| format!("{server} {text}");
        let peak = |bars: &Self, place| Some(bars.median(place, OURS, Metric::Peak)? / 1024.0);
        self.most("big", named("export: CPU / s5cmd"), self.ratio(up, "s5cmd", Metric::Cpu), 0.2, RATIO);
        self.most("big", named("export: wall / s5cmd"), self.ratio(up, "s5cmd", Metric::Wall), 1.0, RATIO);
        self.most("big", named("export: wall / rclone"), self.ratio(up, "rclone", Metric::Wall), 1.0, RATIO);
        self.most("big", named("export: peak"), peak(self, up), 24.0, "MiB");
        let sum = self.with(down, "sha256 in-process", Metric::Cpu);
        self.most("big", named("import: CPU / (s5cmd + SHA-256)"), sum, 1.0, RATIO);
        self.most("big", named("import: wall / s5cmd"), self.ratio(down, "s5cmd", Metric::Wall), 1.2, RATIO);
        let checked = self.with(down, "sha256sum after s5cmd", Metric::Wall);
        self.most("big", named("import: wall / (s5cmd, then sha256sum)"), checked, 0.8, RATIO);
        self.most("big", named("import: peak"), peak(self, down), 24.0, "MiB");
    }

    fn big_with_tls(&mut self, server: &str) {
        for (what, limit) in [("export", 0.5), ("import", 0.8)] {
            let ratio = self.ratio(("big", server, what), "s5cmd", Metric::Cpu);
            self.most("big", format!("{server} {what}: CPU / s5cmd"), ratio, limit, RATIO);
        }
    }

    fn one(&mut self) {
        for what in ["export", "import"] {
            let place = ("one", "sink", what);
            let many = self.samples(place, "s3-build-cache -j 16", Metric::Wall);
            let single = self.samples(place, "s3-build-cache -j 1", Metric::Wall);
            let (Some(many), Some(single)) = (many, single) else { continue };
            let bytes = self.results.find("one", "sink", what, "s3-build-cache -j 16").map_or(0, |found| found.bytes);
            let faster = paired(&single, &many);
            self.least("one", format!("{what}: 16 connections / a single stream"), Some(faster), 12.0, RATIO);
            let share = bytes as f64 / median(many.into_iter()) / (RATE as f64 * CONNECTIONS);
            self.least("one", format!("{what}: share of 16 connections' cap"), Some(share), 0.9, RATIO);
        }
    }

    fn small(&mut self, server: &str) {
        for what in ["export", "import"] {
            let place = ("small", server, what);
            let (wall, cpu) = (self.ratio(place, "s5cmd", Metric::Wall), self.ratio(place, "s5cmd", Metric::Cpu));
            self.most("small", format!("{server} {what}: wall / s5cmd"), wall, 0.8, RATIO);
            self.most("small", format!("{server} {what}: CPU / s5cmd"), cpu, 0.5, RATIO);
        }
    }

    fn warm(&mut self) {
        let trips = |wall: f64| wall * 1000.0 / ROUND_TRIP_MS as f64;
        let deep = self.results.find("warm", "sink", LISTED, OURS);
        let deep =
            deep.map(|series| median(series.samples.iter().filter_map(|sample| Some(sample.seen?.depth as f64))));
        self.most("warm", "one page lists all: round trips deep".to_owned(), deep, 3.0, "");
        let listed = self.median(("warm", "sink", LISTED), OURS, Metric::Wall).map(trips);
        self.most("warm", "one page lists all: wall in round trips".to_owned(), listed, 8.0, "");
        let unlisted = self.median(("warm", "sink", UNLISTED), OURS, Metric::Wall).map(trips);
        self.most("warm", "others are listed first: wall in round trips".to_owned(), unlisted, 10.0, "");
        let deep = self.results.find("warm", "sink", UNLISTED, OURS);
        let deep =
            deep.map(|series| median(series.samples.iter().filter_map(|sample| Some(sample.seen?.depth as f64))));
        self.most("warm", "others are listed first: round trips deep".to_owned(), deep, 6.0, "");
        for peer in ["s5cmd", "rclone"] {
            let wall = self.ratio(("warm", "sink", UNLISTED), peer, Metric::Wall);
            self.most("warm", format!("others are listed first: wall / {peer}"), wall, 1.0, RATIO);
        }
    }

    fn graph(&mut self) {
        let (whole, half) = (("graph", "", "whole"), ("graph", "", "half"));
        // One thread that never waits: on a busy machine, its wall time depends on the load.
        let time = self.median(whole, "all three", Metric::Cpu);
        self.most(
            "graph",
            "read, check, mode=min, write (CPU)".to_owned(),
            time.map(|seconds| seconds * 1e3),
            150.0,
            "ms",
        );
        // Twice the size: linear work takes twice the time, plus a little because of CPU caches.
        let growth = time.zip(self.median(half, "all three", Metric::Cpu)).map(|(whole, half)| whole / half);
        self.most("graph", "time of the whole / of the half".to_owned(), growth, 2.5, RATIO);
        let peak = self.median(whole, "whole process", Metric::Peak).map(|kib| kib * 1024.0);
        let bytes = self.results.find("graph", "", "whole", "whole process").map(|series| series.bytes as f64);
        let memory = peak.zip(bytes).map(|(peak, bytes)| peak / bytes);
        self.most("graph", "peak memory / size of the file".to_owned(), memory, 10.0, RATIO);
    }

    fn start(&mut self) {
        let version = self.median(("start", "", "version"), OURS, Metric::Wall).map(|seconds| seconds * 1e3);
        self.most("start", "--version".to_owned(), version, 10.0, "ms");
        let miss = self.median(("start", "sink", "miss"), OURS, Metric::Wall).map(|seconds| seconds * 1e3);
        self.most("start", "a miss".to_owned(), miss, 10.0, "ms");
        let size = self.results.found("start", "size of the static program").map(|bytes| bytes / 1024.0 / 1024.0);
        self.most("start", "size of the static program".to_owned(), size, 4.5, "MiB");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::sample::Sample;
    use crate::report::Key;

    #[test]
    fn values_over_the_bar_or_unknown_miss_it() {
        let bar = |measured, least| Bar { case: "x", name: String::new(), measured, limit: 1.0, unit: "", least };
        for (measured, most, least) in
            [(0.9, true, false), (1.0, true, true), (1.1, false, true), (f64::NAN, false, false)]
        {
            assert_eq!((bar(measured, false).met(), bar(measured, true).met()), (most, least), "{measured}");
        }
    }

    #[test]
    fn bars_are_computed_only_from_measurements() {
        let mut results =
            Results { versions: Vec::new(), runs: 2, quick: false, series: Vec::new(), values: Vec::new() };
        assert!(all(&results).is_empty());
        for (tool, cpu) in [
            (OURS, 3.0),
            ("s5cmd", 2.0),
            ("sha256 in-process", 2.0),
            (OURS, 30.0),
            ("s5cmd", 20.0),
            ("sha256 in-process", 20.0),
        ] {
            let key = Key { case: "big".into(), server: "sink".into(), what: "import".into(), tool: tool.into() };
            results.add(key, 1, Sample { wall: 1.0, cpu, peak_kib: 25.0 * 1024.0, seen: None });
        }
        let met = |name: &str| all(&results).iter().find(|bar| bar.name == name).map(|bar| (bar.measured, bar.met()));
        assert_eq!(met("sink import: CPU / (s5cmd + SHA-256)"), Some((0.75, true)));
        assert_eq!(met("sink import: peak"), Some((25.0, false)));
        assert_eq!(met("sink export: peak"), None);
    }
}
