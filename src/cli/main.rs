//! The program `s3-build-cache`, a command-line interface to the library.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)
)]

mod args;
mod commands;
mod flags;
mod logger;
mod output;
mod progress;
mod run;
mod session;
mod signals;
mod suggest;

use std::ffi::OsString;
use std::process::ExitCode;

use s3_build_cache::{Error, Result};

use crate::args::Request;
use crate::commands::{COMMANDS, Command, Run};
use crate::flags::ProgressMode;
use crate::output::{Envelope, exit, failure, json, stderr};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    run(&arguments).unwrap_or_else(|error| report(&arguments, &error))
}

fn run(arguments: &[OsString]) -> Result<ExitCode> {
    let text = match args::parse(arguments)? {
        Request::Version => concat!("s3-build-cache ", env!("S3_BUILD_CACHE_VERSION"), "\n").to_owned(),
        // The notices end before the Apache license, which most of the works share with this program.
        Request::Licenses => concat!(include_str!("notices.txt"), include_str!("../../LICENSE")).to_owned(),
        Request::Help(None) => commands::overview(COMMANDS),
        Request::Help(Some(command)) => commands::page(command),
        Request::Run(Command { run: Run::Text(text), .. }, raw) => text(&raw, COMMANDS)?,
        Request::Run(Command { run: Run::Task { run, .. }, .. }, raw) => {
            if raw.global.progress == ProgressMode::RawJson {
                stderr::switch_to_json();
            }
            return run(*raw);
        }
    };
    Ok(exit::after_writing(output::print(&text)))
}

/// Reports that a command failed as a whole, also as JSON if `--json` was given.
fn report(arguments: &[OsString], error: &Error) -> ExitCode {
    progress::finish();
    if args::contain(arguments, &["--progress=rawjson"]) || args::contain(arguments, &["--progress", "rawjson"]) {
        stderr::switch_to_json();
    }
    failure::print(error, "");
    if args::contain(arguments, &["--json"]) {
        let (command, body) = match args::intended(arguments).or(commands::named("export")) {
            Some(Command { name, run: Run::Task { nothing_done, .. }, .. }) => (*name, nothing_done()),
            command => (command.map_or("", |command| command.name), json!({})),
        };
        let (warnings, error) = (logger::warnings(), Some(error));
        // A failed write can be ignored: the exit status reports the failure anyway.
        let _ = output::print(&Envelope { command, outcome: "failed", warnings, error, body }.line());
    }
    ExitCode::from(signals::status().unwrap_or(exit::status(error.kind())))
}
