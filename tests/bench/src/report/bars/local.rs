//! The bars of what happens on the machine alone.

use super::{Bars, MIB, OURS, RATIO};
use crate::cases::graph::PARSE;
use crate::cases::start::NOTHING;
use crate::report::Metric;

pub(super) fn add(bars: &mut Bars<'_>) {
    bars.graph();
    bars.start();
}

impl Bars<'_> {
    fn graph(&mut self) {
        let (whole, half) = (("graph", "", "whole"), ("graph", "", "half"));
        // One thread that never waits: on a busy machine, its wall time depends on the load.
        let parses = self.ratio(whole, ("all three", PARSE), Metric::Cpu);
        self.most("graph", "read, check, mode=min, write / serde_json parse".to_owned(), parses, 0.6, RATIO);
        // Twice the size: linear work takes twice the time, plus a little because of CPU caches.
        let time = |bars: &Self, place| bars.median(place, "all three", Metric::Cpu);
        let growth = time(self, whole).zip(time(self, half)).map(|(whole, half)| whole / half);
        self.most("graph", "time of the whole / of the half".to_owned(), growth, 2.5, RATIO);
        let peak = self.median(whole, "whole process", Metric::Peak).map(|kib| kib * 1024.0);
        let bytes = self.results.find("graph", "", "whole", "whole process").map(|series| series.bytes as f64);
        let memory = peak.zip(bytes).map(|(peak, bytes)| peak / bytes);
        self.most("graph", "peak memory / size of the file".to_owned(), memory, 10.0, RATIO);
    }

    fn start(&mut self) {
        let version = ("start", "", "version");
        let ratio = self.ratio(version, (OURS, NOTHING), Metric::Wall);
        self.most("start", format!("--version: wall / {NOTHING}"), ratio, 2.0, RATIO);
        let miss = self.median(("start", "sink", "miss"), OURS, Metric::Wall);
        let ratio = miss.zip(self.median(version, "s5cmd", Metric::Wall)).map(|(miss, s5cmd)| miss / s5cmd);
        self.most("start", "a miss: wall / s5cmd version".to_owned(), ratio, 0.7, RATIO);
        let size = self.results.found("start", "size of the static program").map(|bytes| bytes / 1024.0 / 1024.0);
        self.most("start", "size of the static program".to_owned(), size, 4.5, MIB);
    }
}
