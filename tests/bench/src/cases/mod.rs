//! The cases, one file each.

mod big;
pub(crate) mod bucket;
mod build;
pub(crate) mod graph;
mod interrupt;
mod many;
mod one;
mod resume;
pub(crate) mod rounds;
pub(crate) mod serve;
mod small;
pub(crate) mod start;
mod store;
pub(crate) mod warm;

use crate::Outcome;
use crate::driver::Bench;
use crate::report::Results;

type Case = fn(&Bench, &mut Results) -> Outcome<()>;

/// The cases, in the order in which they run; `build` only if it is selected.
pub(crate) const CASES: [(&str, Case); 12] = [
    ("big", big::run),
    ("one", one::run),
    ("small", small::run),
    ("many", many::run),
    ("warm", warm::run),
    ("resume", resume::run),
    ("interrupt", interrupt::run),
    ("serve", serve::run),
    ("bucket", bucket::run),
    ("graph", graph::run),
    ("start", start::run),
    ("build", build::run),
];

const MIB: u64 = 1024 * 1024;

/// Runs the selected cases. If one fails, `results` contains the measurements so far.
pub(crate) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    for (name, case) in CASES {
        if bench.options.cases.iter().any(|chosen| chosen == name) {
            case(bench, results)?;
            bench.forget_inputs()?;
        }
    }
    Ok(())
}
