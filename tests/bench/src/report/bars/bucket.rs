//! The bars of the care for large buckets.

use super::{Bars, MIB, RATIO};
use crate::cases::bucket::{CASE, DU, PRUNE, RCLONE, S5CMD, SIZES, what};
use crate::report::Metric;

/// The limit on memory, whatever the number of objects, in MiB.
const PEAK: f64 = 200.0;

pub(super) fn add(bars: &mut Bars<'_>) {
    for size in SIZES {
        let what = what(size);
        let place = (CASE, "sink", what.as_str());
        for peer in [S5CMD, RCLONE] {
            let wall = bars.ratio(place, (DU, peer), Metric::Wall);
            bars.most(CASE, format!("{what}: du: wall / {peer}"), wall, 1.0, RATIO);
        }
        for tool in [DU, PRUNE] {
            let peak = bars.median(place, tool, Metric::Peak).map(|kib| kib / 1024.0);
            bars.most(CASE, format!("{what}: {tool}: peak"), peak, PEAK, MIB);
        }
    }
}
