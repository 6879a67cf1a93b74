//! The results for programs: every sample, so that others can evaluate them.

use serde_json::{Value, json};

use super::bars::Bar;
use super::{Interruption, Metric, Results, Series};
use crate::driver::sample::Sample;

pub(super) fn document(results: &Results, bars: &[Bar]) -> String {
    let versions: serde_json::Map<String, Value> =
        results.versions.iter().map(|(name, version)| ((*name).to_owned(), json!(version))).collect();
    let values: Vec<Value> = results
        .values
        .iter()
        .map(|value| json!({ "case": value.case, "name": value.name, "value": value.value, "unit": value.unit }))
        .collect();
    let bars: Vec<Value> = bars.iter().map(bar).collect();
    let document = json!({
        "version": 1,
        "quick": results.quick,
        "runs": results.runs,
        "versions": versions,
        "series": results.series.iter().map(series).collect::<Vec<_>>(),
        "values": values,
        "interruptions": results.interruptions.iter().map(interruption).collect::<Vec<_>>(),
        "bars": bars,
    });
    format!("{document:#}\n")
}

fn series(series: &Series) -> Value {
    let key = &series.key;
    json!({
        "case": key.case,
        "server": key.server,
        "what": key.what,
        "tool": key.tool,
        "bytes": series.bytes,
        "median": {
            "wall_s": series.median(Metric::Wall),
            "cpu_s": series.median(Metric::Cpu),
            "peak_kib": series.median(Metric::Peak),
        },
        "samples": series.samples.iter().map(sample).collect::<Vec<_>>(),
    })
}

fn sample(sample: &Sample) -> Value {
    let mut value = json!({ "wall_s": sample.wall, "cpu_s": sample.cpu, "peak_kib": sample.peak_kib });
    if let Some(seen) = sample.seen {
        value["requests"] = json!(seen.requests);
        value["connections"] = json!(seen.connections);
        value["depth"] = json!(seen.depth);
    }
    value
}

fn interruption(found: &Interruption) -> Value {
    json!({
        "case": "interrupt",
        "what": found.what,
        "tool": found.tool,
        "percent": found.percent,
        "moved": found.moved,
        "kept": found.kept,
        "lost": found.lost(),
        "allowed": found.allowed,
        "again": found.again,
        "complete": found.complete,
    })
}

fn bar(bar: &Bar) -> Value {
    json!({
        "case": bar.case,
        "name": bar.name,
        "measured": bar.measured,
        "limit": bar.limit,
        "unit": bar.unit,
        "is": if bar.least { "at least" } else { "at most" },
        "met": bar.met(),
    })
}
