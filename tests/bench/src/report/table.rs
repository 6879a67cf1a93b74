//! The results for people.

use std::fmt::Write as _;

use super::bars::Bar;
use super::{Interruption, Metric, Results, Series};

const MIB: f64 = 1024.0 * 1024.0;
const GIB: f64 = 1024.0 * MIB;

pub(super) fn text(results: &Results, bars: &[Bar]) -> String {
    let mut out = String::new();
    for (name, version) in &results.versions {
        out += &format!("{name}: {version}\n");
    }
    out += &format!("medians of {} run{}\n", results.runs, if results.runs == 1 { "" } else { "s" });
    if results.quick {
        out += "QUICK: a trial of the bench; the numbers mean nothing\n";
    }
    let mut before = None;
    for series in &results.series {
        let key = &series.key;
        let group = (&key.case, &key.server, &key.what);
        if before != Some(group) {
            let place = if key.server.is_empty() { String::new() } else { format!(" ({})", key.server) };
            write!(out, "\n{:<44}", format!("{} {}{place}", key.case, key.what)).ok();
            out += "    wall s     CPU s  CPU s/GiB  peak MiB  requests  connections\n";
            before = Some(group);
        }
        out += &row(series);
    }
    interruptions(&mut out, &results.interruptions);
    if !results.values.is_empty() {
        out.push('\n');
    }
    for value in &results.values {
        writeln!(out, "{:<8}{:<44}{:>12.3} {}", value.case, value.name, value.value, value.unit).ok();
    }
    if !bars.is_empty() {
        out += if results.quick { "\nbars, of a trial: they mean nothing\n" } else { "\nbars\n" };
    }
    for bar in bars {
        let verdict = if bar.met() { "ok" } else { "MISSED" };
        let sign = if bar.least { "≥" } else { "≤" };
        let name = format!("{} {}", bar.case, bar.name);
        writeln!(out, "  {name:<70}{:>9.3} {sign} {:<6} {:<4} {verdict}", bar.measured, bar.limit, bar.unit).ok();
    }
    out
}

fn interruptions(out: &mut String, all: &[Interruption]) {
    let mut before = None;
    for found in all {
        if before != Some(found.what) {
            let group = format!("interrupt {} (sink)", found.what);
            writeln!(out, "\n{group:<44}      after  MiB moved      kept      lost  of allowed     again").ok();
            before = Some(found.what);
        }
        let [moved, kept, lost, again] =
            [found.moved, found.kept, found.lost(), found.again].map(|bytes| bytes as f64 / MIB);
        let wrong = if found.complete { "" } else { "  incomplete" };
        let (tool, share) = (&found.tool, found.share());
        let after = format!("{} %", found.percent);
        writeln!(out, "  {tool:<42}{after:>11}{moved:>11.1}{kept:>10.1}{lost:>10.1}{share:>12.2}{again:>10.1}{wrong}")
            .ok();
    }
}

fn row(series: &Series) -> String {
    let (wall, cpu) = (series.median(Metric::Wall), series.median(Metric::Cpu));
    let peak = series.median(Metric::Peak) / 1024.0;
    let per_gib = if series.bytes == 0 { "-".to_owned() } else { format!("{:.3}", cpu * GIB / series.bytes as f64) };
    let peak = if peak == 0.0 { "-".to_owned() } else { format!("{peak:.1}") };
    let seen = series.samples.last().and_then(|sample| sample.seen);
    let seen = seen.map_or(["-".to_owned(), "-".to_owned()], |seen| {
        [seen.requests, seen.connections].map(|count| count.to_string())
    });
    let [requests, connections] = seen;
    format!("  {:<42}{wall:>10.3}{cpu:>10.3}{per_gib:>11}{peak:>10}{requests:>10}{connections:>13}\n", series.key.tool)
}
