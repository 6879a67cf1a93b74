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
mod variables;

use std::ffi::OsString;
use std::process::ExitCode;

use s3_build_cache::env::ProcessEnv;
use s3_build_cache::program::parse_bool;
use s3_build_cache::{Error, Result};

use crate::args::{Own, Request};
use crate::commands::{COMMANDS, Command, Run};
use crate::flags::ProgressMode;
use crate::output::{Envelope, exit, failure, github, json, stderr};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    logger::start();
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
        Request::Run(command @ Command { run: Run::Task { run, .. }, .. }, mut raw) => {
            variables::apply(&mut raw, command, &ProcessEnv)?;
            if raw.global.progress == ProgressMode::RawJson {
                stderr::switch_to_json();
            }
            logger::set_verbosity(raw.global.verbosity);
            for (name, value) in std::env::vars_os() {
                if !value.is_empty() {
                    variables::warn_if_unknown(&name.to_string_lossy());
                }
            }
            let (by_variable, defaulted) = (raw.by_variable.clone(), raw.defaulted.clone());
            return run(*raw).map_err(|error| variables::blamed(error, &by_variable, &defaulted));
        }
    };
    Ok(exit::after_writing(output::print(&text)))
}

/// Reports that a command failed as a whole, also as JSON if that was requested.
fn report(arguments: &[OsString], error: &Error) -> ExitCode {
    progress::finish();
    let own = Own::of(arguments);
    let command = own.command;
    let by_variable = |flag| variables::value(flag, command, &ProcessEnv);
    let progress = own.value("--progress").map(str::to_owned).or_else(|| by_variable("progress"));
    if progress.as_deref() == Some("rawjson") {
        stderr::switch_to_json();
    }
    failure::print(error, "");
    let wants_json =
        own.value("--json").is_some() || by_variable("json").is_some_and(|value| parse_bool(&value) == Some(true));
    let is_known = command.is_some();
    let (command, body) = match command.or(commands::named("export")) {
        Some(Command { name, run: Run::Task { nothing_done, .. }, .. }) => (*name, nothing_done()),
        command => (command.map_or("", |command| command.name), json!({})),
    };
    if is_known {
        github::append(command, "failed", logger::warning_count(), &body);
    }
    if wants_json {
        let (warnings, error, body) = (logger::warnings(), Some(error), body.into());
        // A failed write can be ignored: the exit status reports the failure anyway.
        let _ = output::print(&Envelope { command, outcome: "failed", warnings, error, body }.line());
    }
    ExitCode::from(signals::status().unwrap_or(exit::status(error.kind())))
}
