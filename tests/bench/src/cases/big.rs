//! 16 blobs of 64 MiB: throughput.

use super::rounds::{Plan, Store, run_rounds};
use super::{MIB, rounds};
use crate::Outcome;
use crate::driver::Bench;
use crate::driver::inputs::Input;
use crate::driver::tools::{Direction, Tool};
use crate::report::Results;

pub(crate) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let (count, size) = if bench.options.quick { (4, 2 * MIB) } else { (16, 64 * MIB) };
    let input = Input::make(bench, "big", count, size)?;
    for mut store in rounds::stores(bench)? {
        let mut tools = vec![Tool::Ours, Tool::S5cmd, Tool::Rclone, Tool::Aws];
        if matches!(&store, Store::Sink(sink) if sink.endpoint.ca.is_none()) {
            tools.push(Tool::Copy);
        }
        for direction in [Direction::Export, Direction::Import] {
            let plan = Plan { case: "big", input: &input, direction, tools: &tools, present: 0, references: true };
            run_rounds(bench, results, &mut store, &plan)?;
        }
    }
    Ok(())
}
