//! 16 blobs of 64 MiB: throughput.

use super::MIB;
use super::rounds::{Plan, run_rounds};
use super::store::stores;
use crate::Outcome;
use crate::driver::Bench;
use crate::driver::inputs::Input;
use crate::driver::tools::{Direction, Tool};
use crate::report::Results;

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let (count, size) = if bench.options.quick { (4, 2 * MIB) } else { (16, 64 * MIB) };
    let input = Input::make(bench, "big", count, size)?;
    for mut store in stores(bench, true)? {
        for direction in [Direction::Export, Direction::Import] {
            let mut tools = vec![Tool::Ours, Tool::S5cmd, Tool::Rclone, Tool::Aws];
            // `plain copy` supports neither TLS nor signatures.
            if store.endpoint().name == "sink" {
                tools.push(Tool::Copy);
            }
            // Over TLS parts are not hashed: nothing would be checked.
            if direction == Direction::Export && store.endpoint().ca.is_none() {
                tools.push(Tool::OursUnverified);
            }
            let plan = Plan { references: true, ..Plan::cold("big", &input, direction, &tools) };
            run_rounds(bench, results, &mut store, &plan)?;
        }
    }
    Ok(())
}
