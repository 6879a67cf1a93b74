//! The program `s3-build-cache`, a command-line interface to the library.

mod args;
mod doctor;
mod exit;
mod export;
mod help;
mod human;
mod import;
mod json;
mod logger;
mod output;
mod progress;
mod session;
mod signals;
mod suggest;

use std::process::ExitCode;

use s3_build_cache::{Error, Report};

use crate::args::{Command, Parsed};
use crate::json::{Failure, Summary};

fn main() -> ExitCode {
    let command = match args::parse(std::env::args_os()) {
        Ok(Parsed::Run(command)) => command,
        Ok(Parsed::Print(text)) => return exit::code(output::print(&text)),
        Err(error) => return usage_error(&error),
    };
    match command {
        Command::Doctor(doctor) => doctor::run(&doctor),
        Command::Export(export) => export::run(&export),
        Command::Import(import) => import::run(&import),
    }
}

/// Reports a usage error, also as JSON if `--json` was given.
fn usage_error(error: &Error) -> ExitCode {
    output::error("", error);
    if std::env::args_os().any(|argument| argument == "--json") {
        let failure = Some(Failure::from(error));
        let commands = ["export", "import", "doctor"];
        let named = |argument| commands.into_iter().find(|command| argument == *command);
        let command = std::env::args_os().skip(1).find_map(named).unwrap_or("export");
        if command == "doctor" {
            let _ = output::print(&doctor::object(&[], failure.as_ref()));
            return ExitCode::from(exit::USAGE);
        }
        let (report, warnings) = (Report::default(), Vec::new());
        let summary = Summary { command, outcome: "failed", report, warnings, targets: &[], error: failure };
        // A failed write can be ignored: the exit status reports the failure anyway.
        let _ = output::print(&summary.text());
    }
    ExitCode::from(exit::USAGE)
}
