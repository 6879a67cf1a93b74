//! A large cache config, in a process that runs the library, built with the release profile.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Outcome;
use crate::driver::Bench;
use crate::driver::sample::{Sample, measured};
use crate::report::{Key, Results};

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

/// Measures a process that makes one pass: the first one, as in a CI job.
fn one(bench: &Bench, results: &mut Results, what: &str, file: &Path) -> Outcome<()> {
    let mut command = Command::new(&bench.programs.itself);
    command.args(["graph", "run"]).arg(file).arg("1");
    let sample = measured(bench, &command)?;
    let json: Value = serde_json::from_slice(&std::fs::read(bench.work.join("tool.log"))?)?;
    let bytes = json["bytes"].as_u64().unwrap_or_default();
    let key = |tool: &str| Key {
        case: "graph".to_owned(),
        server: String::new(),
        what: what.to_owned(),
        tool: tool.to_owned(),
    };
    results.add(key("whole process"), bytes, sample);
    for (name, field) in [("read and check", "read"), ("mode=min", "min"), ("write", "write"), ("all three", "total")] {
        let of = |clock: &str| json["samples"][0][field][clock].as_f64().ok_or("graph printed no times");
        results.add(key(name), bytes, Sample { wall: of("wall")?, cpu: of("cpu")?, ..sample });
    }
    Ok(())
}
