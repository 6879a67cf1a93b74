//! Runs one tool once.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

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

/// The time for a program to end after it was interrupted.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a command under `measure`. Its output goes to a log, whose end is shown if it fails.
pub(crate) fn measured(bench: &Bench, command: &Command) -> Outcome<Sample> {
    let out = bench.work.join("measured.json");
    let mut wrapper = Command::new(&bench.programs.itself);
    wrapper.arg("measure").arg(&out).arg(command.get_program()).args(command.get_args());
    let status = isolated(bench, &mut wrapper, command)?.status()?;
    if !status.success() {
        return Err(format!("{command:?} failed:\n{}", log_tail(bench)).into());
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

/// Runs a command and sends it SIGINT as soon as `due` says so. It is an error if it ends before.
pub(crate) fn interrupted(bench: &Bench, command: &Command, due: impl Fn() -> Outcome<bool>) -> Outcome<()> {
    let mut copy = Command::new(command.get_program());
    copy.args(command.get_args());
    let mut child = isolated(bench, &mut copy, command)?.spawn()?;
    let mut sent = None;
    let done = loop {
        if child.try_wait()?.is_some() {
            break sent.map(|_| ()).ok_or_else(|| format!("{command:?} ended early:\n{}", log_tail(bench)).into());
        }
        match sent {
            None => match due() {
                Ok(false) => {}
                Ok(true) => {
                    kill(Pid::from_raw(child.id().try_into()?), Signal::SIGINT)?;
                    sent = Some(Instant::now());
                }
                Err(error) => break Err(error),
            },
            Some(at) if at.elapsed() > PATIENCE => break Err(format!("{command:?} ignored SIGINT").into()),
            Some(_) => {}
        }
        sleep(Duration::from_millis(5));
    };
    // Does nothing if it has ended.
    child.kill().ok();
    child.wait()?;
    done
}

/// Lets a process inherit nothing from the caller, no proxy, configuration or credentials: only the variables of
/// `command`. Its output goes to the log.
fn isolated<'a>(bench: &Bench, process: &'a mut Command, command: &Command) -> Outcome<&'a mut Command> {
    let file = fs::File::create(log(bench))?;
    process.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    process.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", bench.work.join("home"));
    Ok(process.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file))
}

fn log(bench: &Bench) -> PathBuf {
    bench.work.join("tool.log")
}

fn log_tail(bench: &Bench) -> String {
    let text = fs::read_to_string(log(bench)).unwrap_or_default();
    let tail: Vec<&str> = text.lines().rev().take(20).collect();
    tail.into_iter().rev().collect::<Vec<_>>().join("\n")
}
