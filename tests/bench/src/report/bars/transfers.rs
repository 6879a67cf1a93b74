//! The bars of exports and imports.

use super::{Bars, MIB, OURS, Place, RATIO};
use crate::cases::rounds::{HASH, HASHED_AFTER};
use crate::cases::serve::{HEAD_LISTED, HEAD_UNLISTED, LONE, PULL, SERVE, SINGLE};
use crate::cases::warm::{LISTED, ROUND_TRIP_MS, UNLISTED};
use crate::driver::tools::Tool;
use crate::report::Metric;
use crate::report::statistics::paired;

/// What is left of an export's CPU time without the hashes it needs, divided by s5cmd's.
const WITHOUT_HASHES: f64 = 0.35;
const PEAK: f64 = 24.0;

pub(super) fn add(bars: &mut Bars<'_>) {
    for server in ["sink", "seaweedfs"] {
        bars.big(server);
    }
    for server in ["sink+tls", "seaweedfs+tls"] {
        bars.big_with_tls(server);
    }
    for server in ["sink", "sink+tls"] {
        bars.one(server);
    }
    for server in ["sink", "seaweedfs"] {
        bars.small(server);
    }
    for what in ["export", "import"] {
        let peak = bars.peak(("many", "sink", what));
        bars.most("many", format!("{what}: peak"), peak, 32.0, MIB);
    }
    bars.warm();
    bars.interrupt();
    bars.serve();
}

impl Bars<'_> {
    fn big(&mut self, server: &str) {
        let (up, down) = (("big", server, "export"), ("big", server, "import"));
        let named = |text: &str| format!("{server} {text}");
        // Each part is hashed for its signature, and the whole for its digest.
        self.export_cpu(up, (OURS, ""), 2.0, 0.85);
        self.export_cpu(up, (&Tool::OursUnverified.name(), ", verify_source=false"), 1.0, 0.6);
        for peer in ["s5cmd", "rclone"] {
            let ratio = self.ratio(up, (OURS, peer), Metric::Wall);
            self.most("big", named(&format!("export: wall / {peer}")), ratio, 1.0, RATIO);
        }
        self.most("big", named("export: peak"), self.peak(up), PEAK, MIB);
        let sum = self.of_sum(down, (&Tool::Copy.name(), HASH), Metric::Cpu);
        self.most("big", named("import: CPU / (plain copy + SHA-256)"), sum, 1.25, RATIO);
        let sum = self.of_sum(down, ("s5cmd", HASH), Metric::Cpu);
        self.most("big", named("import: CPU / (s5cmd + SHA-256)"), sum, 1.0, RATIO);
        let ratio = self.ratio(down, (OURS, "s5cmd"), Metric::Wall);
        self.most("big", named("import: wall / s5cmd"), ratio, 1.2, RATIO);
        let checked = self.of_sum(down, ("s5cmd", HASHED_AFTER), Metric::Wall);
        self.most("big", named("import: wall / (s5cmd, then sha256sum)"), checked, 0.8, RATIO);
        self.most("big", named("import: peak"), self.peak(down), PEAK, MIB);
    }

    fn big_with_tls(&mut self, server: &str) {
        let (up, down) = (("big", server, "export"), ("big", server, "import"));
        // Only the whole is hashed, because TLS protects the parts.
        self.export_cpu(up, (OURS, ""), 1.0, 0.7);
        self.most("big", format!("{server} export: peak"), self.peak(up), PEAK, MIB);
        let ratio = self.ratio(down, (OURS, "s5cmd"), Metric::Cpu);
        self.most("big", format!("{server} import: CPU / s5cmd"), ratio, 0.8, RATIO);
        self.most("big", format!("{server} import: peak"), self.peak(down), PEAK, MIB);
    }

    /// Compares the CPU time of an export with s5cmd's: all of it, and what is left without the hashes.
    fn export_cpu(&mut self, place: Place<'_>, (tool, variant): (&str, &str), hashes: f64, limit: f64) {
        let name = |what: &str| format!("{} export{variant}: CPU{what} / s5cmd", place.1);
        self.most("big", name(""), self.ratio(place, (tool, "s5cmd"), Metric::Cpu), limit, RATIO);
        let left = self.without_hashes(place, tool, hashes);
        self.most("big", name(" without hashes"), left, WITHOUT_HASHES, RATIO);
    }

    fn without_hashes(&self, place: Place<'_>, tool: &str, hashes: f64) -> Option<f64> {
        let (ours, hash) = (self.samples(place, tool, Metric::Cpu)?, self.samples(place, HASH, Metric::Cpu)?);
        let left: Vec<f64> = ours.iter().zip(&hash).map(|(ours, hash)| ours - hashes * hash).collect();
        Some(paired(&left, &self.samples(place, "s5cmd", Metric::Cpu)?))
    }

    fn one(&mut self, server: &str) {
        let (many, single) = (Tool::OursWith(16).name(), Tool::OursWith(1).name());
        for what in ["export", "import"] {
            let place = ("one", server, what);
            let faster = self.ratio(place, (&single, &many), Metric::Wall);
            self.least("one", format!("{server} {what}: 16 connections / a single stream"), faster, 10.0, RATIO);
            let wall = self.ratio(place, (&many, "s5cmd"), Metric::Wall);
            self.most("one", format!("{server} {what}: wall / s5cmd"), wall, 0.5, RATIO);
        }
    }

    fn small(&mut self, server: &str) {
        for what in ["export", "import"] {
            let place = ("small", server, what);
            for (metric, name, limit) in [(Metric::Wall, "wall", 0.8), (Metric::Cpu, "CPU", 0.5)] {
                let ratio = self.ratio(place, (OURS, "s5cmd"), metric);
                self.most("small", format!("{server} {what}: {name} / s5cmd"), ratio, limit, RATIO);
            }
        }
    }

    fn warm(&mut self) {
        let trips = |wall: f64| wall * 1000.0 / ROUND_TRIP_MS as f64;
        for (what, name, deep, wall) in
            [(LISTED, "one page lists all", 3.0, 8.0), (UNLISTED, "others are listed first", 6.0, 10.0)]
        {
            self.most("warm", format!("{name}: round trips deep"), self.depth(("warm", "sink", what), OURS), deep, "");
            let measured = self.median(("warm", "sink", what), OURS, Metric::Wall).map(trips);
            self.most("warm", format!("{name}: wall in round trips"), measured, wall, "");
        }
        for peer in ["s5cmd", "rclone"] {
            let wall = self.ratio(("warm", "sink", UNLISTED), (OURS, peer), Metric::Wall);
            self.most("warm", format!("others are listed first: wall / {peer}"), wall, 1.0, RATIO);
        }
    }

    fn serve(&mut self) {
        let lone = (SERVE, "sink", LONE);
        let faster = self.ratio(lone, (SINGLE, SERVE), Metric::Wall);
        self.least(SERVE, "one blob: 16 connections / a single stream".to_owned(), faster, 10.0, RATIO);
        let cpu = self.ratio((SERVE, "sink", PULL), (SERVE, OURS), Metric::Cpu);
        self.most(SERVE, "pull: CPU / import".to_owned(), cpu, 1.3, RATIO);
        let peaks = self.results.series.iter().filter(|series| series.key.case == SERVE && series.key.tool == SERVE);
        let peaks = peaks.filter(|series| series.bytes > 0).map(|series| series.median(Metric::Peak) / 1024.0);
        self.most(SERVE, "peak".to_owned(), peaks.reduce(f64::max), 64.0, MIB);
        for (what, most) in [(HEAD_LISTED, 3.0), (HEAD_UNLISTED, 6.0)] {
            self.most(SERVE, format!("{what}: round trips deep"), self.depth((SERVE, "sink", what), SERVE), most, "");
        }
    }

    /// Compares the worst of all interruptions with what may be lost.
    fn interrupt(&mut self) {
        for what in ["export", "import"] {
            let ours = self.results.interruptions.iter().filter(|found| found.what == what);
            let ours = ours.filter(|found| found.tool.starts_with(OURS)).map(|found| found.share());
            let name = format!("{what}: lost / (a request of each connection + a blob)");
            self.most("interrupt", name, ours.reduce(f64::max), 1.0, RATIO);
        }
    }
}
