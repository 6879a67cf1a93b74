//! Runs one command and says what it took. A process of its own, for two reasons: its children's resource usage is that
//! of the command alone, and a child's peak memory counts from what its parent had, so the parent must be small.

use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::json;

use crate::Outcome;

/// `measure OUT PROGRAM ARGUMENT…`: the result goes to OUT, output and exit status are the command's.
pub(crate) fn main(arguments: &[String]) -> Outcome<()> {
    let [out, program, rest @ ..] = arguments else { return Err("measure OUT PROGRAM ARGUMENT…".into()) };
    let started = Instant::now();
    let mut child = Command::new(program).args(rest).stdin(Stdio::null()).spawn()?;
    let status = child.wait()?;
    let wall = started.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let result = json!({
        "wall": wall.as_secs_f64(),
        "user": seconds(usage.user_time()),
        "system": seconds(usage.system_time()),
        "peak_kib": usage.max_rss(),
    });
    std::fs::write(out, result.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("{program} ended with {status}").into()) }
}

/// What this process, this thread or its children have taken, in the program and in the kernel.
pub(crate) fn cpu_seconds(who: UsageWho) -> Outcome<f64> {
    let usage = getrusage(who)?;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}
