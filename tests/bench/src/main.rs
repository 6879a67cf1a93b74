//! Measures s3-build-cache against other tools. One program, so that the driver, the sink and the process that measures
//! a child are built only once.

mod cases;
mod copy;
mod driver;
mod graph;
mod measure;
mod pattern;
mod report;
mod sink;

use std::process::ExitCode;

/// Any error, for people: no caller of the bench distinguishes errors.
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
