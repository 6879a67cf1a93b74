//! 20,000 blobs of 1 KiB: whether memory stays flat.

use super::rounds::{Plan, run_rounds};
use super::store::Store;
use crate::Outcome;
use crate::driver::Bench;
use crate::driver::inputs::Input;
use crate::driver::sink::{Conditions, Sink};
use crate::driver::tools::{Direction, Tool};
use crate::report::Results;

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let count = if bench.options.quick { 100 } else { 20_000 };
    let input = Input::make(bench, "many", count, 1024)?;
    let mut store = Store::Sink(Sink::start(bench, Conditions::default(), false)?);
    for direction in [Direction::Export, Direction::Import] {
        // The peak hardly varies, so one round is enough.
        let plan = Plan { rounds: 1, ..Plan::cold("many", &input, direction, &[Tool::Ours, Tool::S5cmd]) };
        run_rounds(bench, results, &mut store, &plan)?;
    }
    Ok(())
}
