//! The cases, one file each.

mod big;
mod rounds;

use crate::Outcome;
use crate::driver::Bench;
use crate::report::Results;

pub(crate) const CASES: [&str; 7] = ["big", "one", "small", "warm", "resume", "graph", "start"];

pub(crate) const MIB: u64 = 1024 * 1024;

/// Runs the chosen cases; what is measured before a failure is in `results`.
pub(crate) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    for case in &bench.options.cases {
        match case.as_str() {
            "big" => big::run(bench, results)?,
            other => return Err(format!("the case {other} is not written").into()),
        }
    }
    Ok(())
}
