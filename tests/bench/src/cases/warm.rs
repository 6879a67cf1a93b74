//! An export of blobs that are all present, over a slow line: the number of round trips to find that out.

use std::fmt::Write as _;

use super::rounds::{Before, Plan, run_rounds};
use super::store::{STOCK, Store};
use crate::Outcome;
use crate::driver::Bench;
use crate::driver::inputs::Input;
use crate::driver::sink::{Conditions, Sink};
use crate::driver::tools::{Direction, Tool};
use crate::report::Results;

pub(crate) const ROUND_TRIP_MS: u64 = 30;
pub(crate) const BLOBS: usize = 200;

/// The names of the two variants in the results.
pub(crate) const LISTED: &str = "export, one page lists all";
pub(crate) const UNLISTED: &str = "export, others are listed first";

/// More objects than fit on a page.
pub(super) const OTHERS: usize = 1500;

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let input = Input::make(bench, "warm", BLOBS, 64 * 1024)?;
    let mut store =
        Store::Sink(Sink::start(bench, Conditions { latency_ms: ROUND_TRIP_MS, ..Conditions::default() }, false)?);
    let mut others = String::new();
    for number in 0..OTHERS {
        // These keys sort before those of all digests.
        writeln!(others, "{STOCK}blobs/sha256:{number:064x} 1 0")?;
    }
    for (what, others) in [(LISTED, String::new()), (UNLISTED, others)] {
        let tools = [Tool::Ours, Tool::S5cmd, Tool::Rclone];
        let plan = Plan::cold("warm", &input, Direction::Export, &tools);
        run_rounds(bench, results, &mut store, &Plan { what, before: Before::InStore(others), ..plan })?;
    }
    Ok(())
}
