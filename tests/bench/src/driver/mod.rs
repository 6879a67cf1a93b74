//! The driver: starts servers and tools, measures, reports.

pub(crate) mod authority;
pub(crate) mod endpoint;
pub(crate) mod inputs;
pub(crate) mod options;
pub(crate) mod programs;
pub(crate) mod registry;
pub(crate) mod sample;
pub(crate) mod seaweedfs;
pub(crate) mod sink;
pub(crate) mod tools;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::pattern::Pattern;
use crate::report::{self, Results};
use crate::{Outcome, cases};
use options::{Options, Parsed};
use programs::Programs;

/// The environment of every case.
pub(crate) struct Bench {
    pub(crate) options: Options,
    pub(crate) programs: Programs,
    pub(crate) pattern: Pattern,
    /// The directory of inputs, downloads and logs; emptied at start and end.
    pub(crate) work: PathBuf,
}

impl Bench {
    /// Removes the files of the previous case.
    pub(crate) fn forget_inputs(&self) -> Outcome<()> {
        let inputs = self.work.join("inputs");
        if inputs.exists() {
            std::fs::remove_dir_all(inputs)?;
        }
        Ok(())
    }
}

pub(crate) fn main(arguments: &[String]) -> ExitCode {
    match run(arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("error: bars were missed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the bench. Returns whether all bars were met.
fn run(arguments: &[String]) -> Outcome<bool> {
    let options = match Options::parse(arguments)? {
        Parsed::Help => {
            print!("{}", options::HELP);
            return Ok(true);
        }
        Parsed::Run(options) => *options,
    };
    let programs = Programs::find(&options)?;
    let work = options.data.join("work");
    if work.exists() {
        std::fs::remove_dir_all(&work)?;
    }
    std::fs::create_dir_all(work.join("home"))?;
    let mut results = Results::new(&options, &programs)?;
    let bench = Bench { options, programs, pattern: Pattern::new(), work };
    let done = cases::run(&bench, &mut results);
    // Show the measurements before a failure: they may have taken half an hour.
    let ok = report::show(&bench.options, &results)?;
    done?;
    std::fs::remove_dir_all(&bench.work)?;
    Ok(ok || !bench.options.check)
}
