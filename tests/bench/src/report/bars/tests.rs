use super::*;
use crate::driver::sample::Sample;
use crate::report::{Interruption, Key};

fn results(samples: &[(&str, &str, &str, &str, f64)]) -> Results {
    let mut results = Results { runs: 2, ..Results::default() };
    for (case, server, what, tool, cpu) in samples.iter().copied() {
        let key = Key { case: case.into(), server: server.into(), what: what.into(), tool: tool.into() };
        results.add(key, 1, Sample { wall: 1.0, cpu, peak_kib: 25.0 * 1024.0, seen: None });
    }
    results
}

fn found(results: &Results, name: &str) -> Option<(f64, bool)> {
    all(results).iter().find(|bar| bar.name == name).map(|bar| (bar.measured, bar.met()))
}

#[test]
fn values_over_the_bar_or_unknown_miss_it() {
    let bar = |measured, least| Bar { case: "x", name: String::new(), measured, limit: 1.0, unit: "", least };
    for (measured, most, least) in [(0.9, true, false), (1.0, true, true), (1.1, false, true), (f64::NAN, false, false)]
    {
        assert_eq!((bar(measured, false).met(), bar(measured, true).met()), (most, least), "{measured}");
    }
}

#[test]
fn bars_are_computed_only_from_measurements() {
    assert!(all(&Results::default()).is_empty());
    let mut samples = Vec::new();
    for slow in [1.0, 10.0] {
        for (tool, cpu) in [(OURS, 3.0), ("s5cmd", 2.0), ("sha256 in-process", 2.0)] {
            samples.push(("big", "sink", "import", tool, cpu * slow));
        }
    }
    let results = results(&samples);
    assert_eq!(found(&results, "sink import: CPU / (s5cmd + SHA-256)"), Some((0.75, true)));
    assert_eq!(found(&results, "sink import: peak"), Some((25.0, false)));
    assert_eq!(found(&results, "sink import: CPU / (plain copy + SHA-256)"), None);
    assert_eq!(found(&results, "sink export: peak"), None);
}

#[test]
fn what_is_left_of_an_export_is_without_the_hashes_it_needs() {
    let mut samples = Vec::new();
    for server in ["sink", "sink+tls"] {
        for (tool, cpu) in
            [(OURS, 5.0), ("s3-build-cache verify_source=false", 4.0), ("s5cmd", 8.0), ("sha256 in-process", 2.0)]
        {
            samples.push(("big", server, "export", tool, cpu));
        }
    }
    let results = results(&samples);
    assert_eq!(found(&results, "sink export: CPU / s5cmd"), Some((0.625, true)));
    assert_eq!(found(&results, "sink export: CPU without hashes / s5cmd"), Some((0.125, true)));
    let unverified = "sink export, verify_source=false: CPU without hashes / s5cmd";
    assert_eq!(found(&results, unverified), Some((0.25, true)));
    assert_eq!(found(&results, "sink+tls export: CPU without hashes / s5cmd"), Some((0.375, false)));
}

#[test]
fn the_worst_interruption_counts_and_only_ours() {
    let one = |tool: &str, kept| Interruption {
        what: "export",
        tool: tool.to_owned(),
        percent: 50,
        moved: 300,
        kept,
        again: 0,
        allowed: 100,
        complete: true,
    };
    let interruptions = vec![one("s3-build-cache -j 16", 250), one("s3-build-cache -j 16", 150), one("s5cmd", 0)];
    let mut results = Results { interruptions, ..Results::default() };
    let name = "export: lost / (a request of each connection + a blob)";
    assert_eq!(found(&results, name), Some((1.5, false)));
    results.interruptions.remove(1);
    assert_eq!(found(&results, name), Some((0.5, true)));
    // More may be kept than was counted when the last response was lost.
    assert_eq!(one("s5cmd", 400).lost(), 0);
}

#[test]
fn no_limit_is_a_time() {
    let mut samples = Vec::new();
    for (case, server, what) in [("start", "", "version"), ("start", "sink", "miss"), ("graph", "", "whole")] {
        for tool in [OURS, "true", "s5cmd", "all three", "whole process", "serde_json parse"] {
            samples.push((case, server, what, tool, 1.0));
        }
    }
    let bars = all(&results(&samples));
    assert_eq!(bars.len(), 4);
    assert!(bars.iter().all(|bar| [RATIO, MIB, ""].contains(&bar.unit)));
}

#[test]
fn the_memory_for_a_large_bucket_is_limited() {
    let bucket = "of 1000000 objects";
    let samples = [("bucket", "sink", bucket, "s3-build-cache du", 1.0), ("bucket", "sink", bucket, "s5cmd du", 1.0)];
    let results = results(&samples);
    assert_eq!(found(&results, "of 1000000 objects: du: wall / s5cmd du"), Some((1.0, true)));
    assert_eq!(found(&results, "of 1000000 objects: s3-build-cache du: peak"), Some((25.0, true)));
    assert_eq!(found(&results, "of 1000000 objects: s3-build-cache prune --dry-run: peak"), None);
}
