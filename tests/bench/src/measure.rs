//! Runs one command and reports its resource usage. A separate process, for two reasons: the usage of its children is
//! that of the command alone, and a child's peak memory includes that of its parent before the exec, so the parent must
//! be small.

use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde_json::json;

use crate::Outcome;

/// Runs `measure OUT PROGRAM ARGUMENT…`. Writes the result to OUT; the output and exit status are the command's.
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

/// Returns the user and system CPU time of this process, this thread or its children.
pub(crate) fn cpu_seconds(who: UsageWho) -> Outcome<f64> {
    let usage = getrusage(who)?;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}
