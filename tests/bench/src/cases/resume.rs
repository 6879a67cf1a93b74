//! An import into a directory that already has nine tenths of the blobs.

use super::MIB;
use super::rounds::{Before, Plan, run_rounds};
use super::store::Store;
use crate::Outcome;
use crate::driver::Bench;
use crate::driver::inputs::Input;
use crate::driver::sink::{Conditions, Sink};
use crate::driver::tools::{Direction, Tool};
use crate::report::Results;

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let (count, size) = if bench.options.quick { (20, MIB / 8) } else { (200, 5 * MIB) };
    let input = Input::make(bench, "resume", count, size)?;
    let mut store = Store::Sink(Sink::start(bench, Conditions::default(), false)?);
    let tools = [Tool::Ours, Tool::S5cmd, Tool::Rclone];
    let plan = Plan::cold("resume", &input, Direction::Import, &tools);
    run_rounds(bench, results, &mut store, &Plan { before: Before::InDirectory(count * 9 / 10), ..plan })
}
