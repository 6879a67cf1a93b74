//! One blob of 1 GiB over a slow line: whether a lone blob uses all connections.

use super::MIB;
use super::rounds::{Plan, run_rounds};
use super::store::Store;
use crate::Outcome;
use crate::driver::Bench;
use crate::driver::inputs::Input;
use crate::driver::sink::{Conditions, Sink};
use crate::driver::tools::{Direction, Tool};
use crate::report::Results;

/// About the rate of one connection to S3.
pub(crate) const RATE: u64 = 85_000_000;

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let size = if bench.options.quick { 16 * MIB } else { 1024 * MIB };
    let input = Input::make(bench, "one", 1, size)?;
    let mut store = Store::Sink(Sink::start(bench, Conditions { latency_ms: 30, rate: Some(RATE) }, false)?);
    let tools = [Tool::OursWith(16), Tool::OursWith(1), Tool::S5cmd];
    for direction in [Direction::Export, Direction::Import] {
        run_rounds(bench, results, &mut store, &Plan::cold("one", &input, direction, &tools))?;
    }
    Ok(())
}
