//! The command `doctor`.

use std::io;
use std::process::ExitCode;

use s3_build_cache::{Check, CheckOutcome, DoctorOptions, ErrorKind};
use serde_json::{Value, json};

use crate::args::Doctor;
use crate::json::{self, Failure};
use crate::{exit, logger, output, session, signals};

/// The width of the longest check name.
const NAME_WIDTH: usize = 11;

/// Checks every step on the way to the cache, and prints each result as soon as it is known.
pub(crate) fn run(command: &Doctor) -> ExitCode {
    let cancel = match session::listen(&command.global) {
        Ok(cancel) => cancel,
        Err(status) => return status,
    };
    let builder = session::builder(&command.cache, &command.global, &cancel);
    let mut checks = Vec::new();
    let mut out = Output::default();
    builder.diagnose(&DoctorOptions::new().write(command.write), |check| {
        let failed = matches!(check.outcome, CheckOutcome::Failed(_));
        if !command.global.json && (failed || !command.global.quiet) {
            out.print(&lines(check));
        }
        checks.push(check.clone());
    });
    let kinds: Vec<ErrorKind> = checks.iter().filter_map(failure).collect();
    let remarked = checks.iter().any(|check| check.outcome == CheckOutcome::Passed && check.hint.is_some());
    let end = match kinds.len() {
        0 if remarked => "no check failed; see the note above".to_owned(),
        0 => "all is well".to_owned(),
        1 => "1 check failed".to_owned(),
        failed => format!("{failed} checks failed"),
    };
    if command.global.json {
        out.print(&object(&checks, None));
    } else if !command.global.quiet {
        out.print(&format!("{end}\n"));
    }
    // Denied access takes precedence over other failures, because retrying a CI job does not fix it.
    let access = kinds.iter().copied().find(|kind| *kind == ErrorKind::Access);
    let status = access.or(kinds.first().copied()).map_or(0, exit::of);
    let status = if out.failed && status == 0 { exit::OTHER } else { status };
    ExitCode::from(signals::status().unwrap_or(status))
}

/// Standard output, until it is closed.
#[derive(Default)]
struct Output {
    closed: bool,
    failed: bool,
}

impl Output {
    /// A closed pipe is not a failure: `head` closes it once it has read enough.
    fn print(&mut self, text: &str) {
        if self.closed {
            return;
        }
        if let Err(error) = output::print(text) {
            self.closed = true;
            self.failed = error.kind() != io::ErrorKind::BrokenPipe;
        }
    }
}

fn failure(check: &Check) -> Option<ErrorKind> {
    match check.outcome {
        CheckOutcome::Failed(kind) => Some(kind),
        _ => None,
    }
}

fn lines(check: &Check) -> String {
    let mark = match check.outcome {
        CheckOutcome::Passed => output::colored("\u{2713}", output::GREEN),
        CheckOutcome::Failed(_) => output::colored("\u{2717}", output::RED),
        _ => "-".to_owned(),
    };
    let (name, detail) = (check.name, output::printable(&check.detail));
    let label = if check.outcome == CheckOutcome::Passed { "note" } else { "fix" };
    let fix = check.hint.as_deref().map(|hint| format!("  {label}: {}\n", output::printable(hint)));
    format!("{mark} {name:NAME_WIDTH$} {detail}\n{}", fix.unwrap_or_default())
}

/// Returns the JSON result; `error` is the reason nothing was checked.
pub(crate) fn object(checks: &[Check], error: Option<&Failure>) -> String {
    let passed = error.is_none() && !checks.iter().any(|check| failure(check).is_some());
    let check = |check: &Check| {
        let (outcome, kind) = match check.outcome {
            CheckOutcome::Passed => ("passed", None),
            CheckOutcome::Failed(kind) => ("failed", Some(kind.as_str())),
            _ => ("skipped", None),
        };
        json!({"name": check.name, "outcome": outcome, "detail": check.detail, "kind": kind, "hint": check.hint})
    };
    let checks: Vec<Value> = checks.iter().map(check).collect();
    let (outcome, warnings) = (if passed { "passed" } else { "failed" }, logger::warnings());
    let mut object =
        json!({"version": 1, "command": "doctor", "outcome": outcome, "checks": checks, "warnings": warnings});
    if let (Value::Object(object), Some(error)) = (&mut object, error) {
        object.insert("error".to_owned(), json::failure(error));
    }
    json::line(&object)
}
