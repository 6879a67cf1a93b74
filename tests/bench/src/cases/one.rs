//! One blob of 1 GiB over a slow line: whether a lone blob uses all connections.

use super::MIB;
use super::rounds::{Plan, run_rounds};
use super::store::Store;
use crate::Outcome;
use crate::driver::Bench;
use crate::driver::inputs::Input;
use crate::driver::sink::{Conditions, Sink};
use crate::driver::tools::{Direction, Tool};
use crate::report::{Metric, Results};

/// About the rate of one connection to S3.
pub(super) const RATE: u64 = 85_000_000;
/// The default number of connections.
const CONNECTIONS: usize = 16;

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let size = if bench.options.quick { 16 * MIB } else { 1024 * MIB };
    let input = Input::make(bench, "one", 1, size)?;
    let conditions = Conditions { latency_ms: 30, rate: Some(RATE), ..Conditions::default() };
    let tools = [Tool::OursWith(CONNECTIONS), Tool::OursWith(1), Tool::S5cmd];
    for (tls, chosen) in [(false, bench.options.plain), (true, bench.options.tls)] {
        if !chosen {
            continue;
        }
        let mut store = Store::Sink(Sink::start(bench, conditions, tls)?);
        for direction in [Direction::Export, Direction::Import] {
            run_rounds(bench, results, &mut store, &Plan::cold("one", &input, direction, &tools))?;
            let place = (store.endpoint().name.as_str(), direction.name());
            let wall = results.find("one", place.0, place.1, &tools[0].name()).map(|found| found.median(Metric::Wall));
            let share = wall.map_or(f64::NAN, |wall| size as f64 / wall / (RATE as f64 * CONNECTIONS as f64));
            results.value("one", &format!("{} {}: share of 16 lines", place.0, place.1), share, "");
        }
    }
    Ok(())
}
