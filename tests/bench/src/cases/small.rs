//! 2,000 blobs of 16 KiB: the cost of a request.

use super::rounds::{Plan, run_rounds};
use super::store::stores;
use crate::Outcome;
use crate::driver::Bench;
use crate::driver::inputs::Input;
use crate::driver::tools::{Direction, Tool};
use crate::report::Results;

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let count = if bench.options.quick { 50 } else { 2000 };
    let input = Input::make(bench, "small", count, 16 * 1024)?;
    for mut store in stores(bench, false)? {
        for direction in [Direction::Export, Direction::Import] {
            let tools = [Tool::Ours, Tool::S5cmd, Tool::Rclone, Tool::Aws];
            run_rounds(bench, results, &mut store, &Plan::cold("small", &input, direction, &tools))?;
        }
    }
    Ok(())
}
