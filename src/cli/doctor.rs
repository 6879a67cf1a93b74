//! The command `doctor`.

use std::process::ExitCode;

use s3_build_cache::{Check, CheckOutcome, DoctorOptions, ErrorKind};
use serde_json::{Value, json};

use crate::args::Doctor;
use crate::{exit, json, logger, output, session, signals};

/// Long enough for the longest name of a check.
const NAME_WIDTH: usize = 11;

/// Tries every step on the way to the cache, and tells each as it ends.
pub(crate) fn run(command: &Doctor) -> ExitCode {
    let cancel = match session::listen(&command.global) {
        Ok(cancel) => cancel,
        Err(status) => return status,
    };
    let builder = session::builder(&command.cache, &command.global, &cancel);
    let mut checks = Vec::new();
    let mut unwritten = false;
    builder.diagnose(&DoctorOptions::new().write(command.write), |check| {
        let failed = matches!(check.outcome, CheckOutcome::Failed(_));
        if !command.global.json && (failed || !command.global.quiet) {
            unwritten |= output::print(&lines(check)).is_err();
        }
        checks.push(check.clone());
    });
    let kinds: Vec<ErrorKind> = checks.iter().filter_map(failure).collect();
    let end = match kinds.len() {
        0 => "all is well".to_owned(),
        1 => "1 check failed".to_owned(),
        failed => format!("{failed} checks failed"),
    };
    if command.global.json {
        unwritten |= output::print(&object(&checks, kinds.is_empty())).is_err();
    } else if !command.global.quiet {
        unwritten |= output::print(&format!("{end}\n")).is_err();
    }
    // Whatever else is wrong: what a CI job cannot mend by trying again later is that it may not.
    let access = kinds.iter().copied().find(|kind| *kind == ErrorKind::Access);
    let status = access.or(kinds.first().copied()).map_or(0, exit::of);
    if unwritten {
        output::line("error: standard output cannot be written");
    }
    let status = if unwritten && status == 0 { exit::OTHER } else { status };
    ExitCode::from(signals::status().unwrap_or(status))
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
    let fix = check.hint.as_deref().map(|hint| format!("  fix: {}\n", output::printable(hint)));
    format!("{mark} {name:NAME_WIDTH$} {detail}\n{}", fix.unwrap_or_default())
}

fn object(checks: &[Check], passed: bool) -> String {
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
    let object = json!({"version": 1, "command": "doctor", "outcome": outcome, "checks": checks, "warnings": warnings});
    json::line(&object)
}
