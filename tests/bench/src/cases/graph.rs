//! A large cache config, in a process that runs the library, built with the release profile.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Outcome;
use crate::driver::Bench;
use crate::driver::sample::{Sample, measured};
use crate::report::{Key, Results};

/// The name of the reference: the same bytes parsed into a tree, by the parser that the library uses.
pub(crate) const PARSE: &str = "serde_json parse";

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let (records, layers) = if bench.options.quick { (2000, 400) } else { (100_000, 20_000) };
    for (what, share) in [("whole", 1), ("half", 2)] {
        let file = bench.work.join(format!("graph-{what}.json"));
        let mut make = Command::new(&bench.programs.itself);
        make.args(["graph", "make"]).arg(&file).arg((records / share).to_string()).arg((layers / share).to_string());
        measured(bench, &make)?;
        for round in 0..bench.options.runs {
            eprintln!("graph {what}: round {} of {}", round + 1, bench.options.runs);
            one(bench, results, what, &file)?;
        }
    }
    Ok(())
}

/// Measures a process that makes one pass, and another one that only parses.
fn one(bench: &Bench, results: &mut Results, what: &str, file: &Path) -> Outcome<()> {
    let (sample, json) = printed(bench, "run", file)?;
    let bytes = json["bytes"].as_u64().unwrap_or_default();
    let key = |tool: &str| Key {
        case: "graph".to_owned(),
        server: String::new(),
        what: what.to_owned(),
        tool: tool.to_owned(),
    };
    results.add(key("whole process"), bytes, sample);
    for (name, field) in [("read and check", "read"), ("mode=min", "min"), ("write", "write"), ("all three", "total")] {
        results.add(key(name), bytes, timed(&json[field], sample)?);
    }
    let (sample, json) = printed(bench, "parse", file)?;
    results.add(key(PARSE), bytes, timed(&json["parse"], sample)?);
    Ok(())
}

/// Runs `graph`, and returns its usage and what it printed.
fn printed(bench: &Bench, what: &str, file: &Path) -> Outcome<(Sample, Value)> {
    let mut command = Command::new(&bench.programs.itself);
    command.args(["graph", what]).arg(file);
    let sample = measured(bench, &command)?;
    Ok((sample, serde_json::from_slice(&std::fs::read(bench.work.join("tool.log"))?)?))
}

/// Returns the times of a part of a process.
fn timed(times: &Value, process: Sample) -> Outcome<Sample> {
    let of = |clock: &str| times[clock].as_f64().ok_or("graph printed no times");
    Ok(Sample { wall: of("wall")?, cpu: of("cpu")?, ..process })
}
