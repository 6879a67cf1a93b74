//! The results for people.

use std::fmt::Write as _;

use super::bars::Bar;
use super::{Metric, Results, Series};

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

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
        writeln!(out, "  {name:<58}{:>9.3} {sign} {:<6} {:<4} {verdict}", bar.measured, bar.limit, bar.unit).ok();
    }
    out
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
