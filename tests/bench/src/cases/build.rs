//! How long the program takes to build from nothing. Not among the default cases: it is no speed of the program's.

use std::process::Command;
use std::time::Instant;

use crate::Outcome;
use crate::driver::Bench;
use crate::report::Results;

/// How the results call it.
pub(crate) const RELEASE: &str = "cargo build --release from scratch";

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let cargo = |arguments: &[&str]| -> Outcome<()> {
        let mut command = Command::new("cargo");
        command.args(arguments).arg("--locked").current_dir(&bench.options.repository);
        command.env("CARGO_TARGET_DIR", bench.work.join("build")).env_remove("RUSTFLAGS");
        if command.status()?.success() { Ok(()) } else { Err(format!("cargo {arguments:?} failed").into()) }
    };
    // What is downloaded is not built.
    cargo(&["fetch", "--quiet"])?;
    let started = Instant::now();
    cargo(&["build", "--quiet", "--release"])?;
    results.value("build", RELEASE, started.elapsed().as_secs_f64(), "s");
    Ok(())
}
