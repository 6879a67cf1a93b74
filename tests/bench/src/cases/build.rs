//! The time to build the program from scratch. Not a default case, because it is not the speed of the program itself.

use std::process::Command;
use std::time::Instant;

use crate::Outcome;
use crate::driver::Bench;
use crate::report::Results;

/// The name in the results.
const RELEASE: &str = "cargo build --release from scratch";

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let cargo = |arguments: &[&str]| -> Outcome<()> {
        let mut command = Command::new("cargo");
        command.args(arguments).arg("--locked").current_dir(&bench.options.repository);
        command.env("CARGO_TARGET_DIR", bench.work.join("build")).env_remove("RUSTFLAGS");
        if command.status()?.success() { Ok(()) } else { Err(format!("cargo {arguments:?} failed").into()) }
    };
    // Downloads are not part of the build time.
    cargo(&["fetch", "--quiet"])?;
    let started = Instant::now();
    cargo(&["build", "--quiet", "--release"])?;
    results.value("build", RELEASE, started.elapsed().as_secs_f64(), "s");
    Ok(())
}
