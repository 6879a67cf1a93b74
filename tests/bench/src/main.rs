//! Measures s3-build-cache beside the tools its users know. One program, so that the processes it is made of (the
//! driver, the sink, what measures a child) are built once.

mod cases;
mod copy;
mod driver;
mod graph;
mod measure;
mod pattern;
mod report;
mod sink;

use std::process::ExitCode;

/// Whatever went wrong, for people: the bench has no caller that could tell errors apart.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let done = match command.as_str() {
        "sink" => sink::main(&rest),
        "measure" => measure::main(&rest),
        "copy" => copy::main(&rest),
        "graph" => graph::main(&rest),
        "run" => return driver::main(&rest),
        _ => Err("started by tests/bench/run, see its --help".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
