//! The program `s3-build-cache`: the library's export and import from a command line.

mod args;
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

use std::process::ExitCode;

use crate::args::{Command, Parsed};

fn main() -> ExitCode {
    let command = match args::parse(std::env::args_os()) {
        Ok(Parsed::Run(command)) => command,
        Ok(Parsed::Print(text)) => return exit::code(output::print(&text)),
        Err(error) => {
            output::error("", &error);
            return ExitCode::from(exit::USAGE);
        }
    };
    match command {
        Command::Export(export) => export::run(&export),
        Command::Import(import) => import::run(&import),
    }
}
