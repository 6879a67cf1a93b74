//! Runs one tool once.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Bench;
use super::sink::Seen;
use crate::Outcome;

#[derive(Clone, Copy, Default)]
pub(crate) struct Sample {
    /// The wall time in seconds.
    pub(crate) wall: f64,
    /// The user and system CPU time in seconds, of all threads and children.
    pub(crate) cpu: f64,
    pub(crate) peak_kib: f64,
    /// The counts of the sink, if it served the run.
    pub(crate) seen: Option<Seen>,
}

/// Runs a command under `measure`. Its output goes to a log, whose end is shown if it fails.
pub(crate) fn measured(bench: &Bench, command: &Command) -> Outcome<Sample> {
    let out = bench.work.join("measured.json");
    let log = bench.work.join("tool.log");
    let file = fs::File::create(&log)?;
    let mut wrapper = Command::new(&bench.programs.itself);
    wrapper.arg("measure").arg(&out).arg(command.get_program()).args(command.get_args());
    // Inherit nothing from the caller: no proxy, configuration or credentials.
    wrapper.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    wrapper.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", bench.work.join("home"));
    wrapper.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let status = wrapper.status()?;
    if !status.success() {
        let text = fs::read_to_string(&log).unwrap_or_default();
        let tail: Vec<&str> = text.lines().rev().take(20).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        return Err(format!("{command:?} failed:\n{}", tail.join("\n")).into());
    }
    let json: Value = serde_json::from_slice(&fs::read(&out)?)?;
    let number = |name: &str| json[name].as_f64().unwrap_or(f64::NAN);
    Ok(Sample {
        wall: number("wall"),
        cpu: number("user") + number("system"),
        peak_kib: number("peak_kib"),
        seen: None,
    })
}
