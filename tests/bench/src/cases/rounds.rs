//! Runs the tools in rounds: in each round, every tool runs once, so that other load on the machine affects all of
//! them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use nix::sys::resource::UsageWho;
use sha2::{Digest, Sha256};

use super::store::{STOCK, Store};
use crate::Outcome;
use crate::driver::Bench;
use crate::driver::inputs::Input;
use crate::driver::sample::{Sample, measured};
use crate::driver::tools::{Direction, Tool, Transfer};
use crate::measure::cpu_seconds;
use crate::report::{Key, Results};

/// The names of the references in the results.
pub(crate) const HASH: &str = "sha256 in-process";
pub(crate) const HASHED_AFTER: &str = "sha256sum after s5cmd";

/// About the number of bytes that a reader passes to the hash at once.
const UPDATE: usize = 256 * 1024;

/// The state of the store and the directory before a run.
pub(super) enum Before {
    /// The target is empty: the store for exports, the directory for imports.
    Nothing,
    /// The directory has this many of the blobs.
    InDirectory(usize),
    /// The store has all blobs, and these other objects, as lines for the sink.
    InStore(String),
}

pub(super) struct Plan<'a> {
    pub(super) case: &'static str,
    /// The name in the table: the direction, possibly with a variant.
    pub(super) what: &'static str,
    pub(super) input: &'a Input,
    pub(super) direction: Direction,
    pub(super) tools: &'a [Tool],
    pub(super) before: Before,
    /// Whether to measure SHA-256 over the same bytes too.
    pub(super) references: bool,
    /// The maximum number of rounds.
    pub(super) rounds: usize,
}

impl<'a> Plan<'a> {
    /// Returns a cold export or import.
    pub(super) fn cold(case: &'static str, input: &'a Input, direction: Direction, tools: &'a [Tool]) -> Self {
        Self {
            case,
            what: direction.name(),
            input,
            direction,
            tools,
            before: Before::Nothing,
            references: false,
            rounds: usize::MAX,
        }
    }

    fn key(&self, store: &Store, tool: impl Into<String>) -> Key {
        Key {
            case: self.case.to_owned(),
            server: store.endpoint().name.clone(),
            what: self.what.to_owned(),
            tool: tool.into(),
        }
    }
}

pub(super) fn run_rounds(bench: &Bench, results: &mut Results, store: &mut Store, plan: &Plan<'_>) -> Outcome<()> {
    if plan.direction == Direction::Import {
        store.stock(bench, plan.input)?;
    }
    let runs = bench.options.runs.min(plan.rounds);
    for round in 0..runs {
        eprintln!("{} {} on {}: round {} of {runs}", plan.case, plan.what, store.endpoint().name, round + 1);
        if plan.direction == Direction::Export {
            store.empty(bench)?;
        }
        let mut tools = plan.tools.to_vec();
        // Start with a different tool in each round.
        tools.rotate_left(round % plan.tools.len());
        // The AWS CLI is slow, so it runs only in the first round, and in a trial of the bench only in one case.
        let enough = round > 0 || bench.options.quick && (plan.case, store.endpoint().name.as_str()) != ("big", "sink");
        tools.retain(|tool| *tool != Tool::Aws || !enough);
        for tool in tools {
            run_one(bench, results, store, plan, tool).map_err(|error| format!("{}: {error}", tool.name()))?;
        }
        if plan.references {
            results.add(plan.key(store, HASH), plan.input.bytes, hash(bench, plan.input)?);
        }
    }
    Ok(())
}

fn run_one(bench: &Bench, results: &mut Results, store: &Store, plan: &Plan<'_>, tool: Tool) -> Outcome<()> {
    let target = bench.work.join("target");
    let own = format!("{}/", tool.name().replace(' ', "-"));
    let cold = plan.direction == Direction::Export && matches!(plan.before, Before::Nothing);
    let transfer = Transfer {
        direction: plan.direction,
        endpoint: store.endpoint(),
        input: plan.input,
        prefix: if cold { &own } else { STOCK },
        target: &target,
        skip_existing: !matches!(plan.before, Before::Nothing),
    };
    prepare(store, plan, tool, &target)?;
    let mut sample = measured(bench, &tool.command(bench, &transfer))?;
    store.note(&mut sample, plan.input.bytes)?;
    results.add(plan.key(store, tool.name()), plan.input.bytes, sample);
    if plan.direction == Direction::Import {
        plan.input.restored(&target, |digest| tool.file_name(digest))?;
        if plan.references && tool == Tool::S5cmd {
            results.add(plan.key(store, HASHED_AFTER), plan.input.bytes, sha256sum(bench, &target)?);
        }
        fs::remove_dir_all(&target)?;
    }
    Ok(())
}

/// Prepares the store and the directory for the run.
fn prepare(store: &Store, plan: &Plan<'_>, tool: Tool, target: &Path) -> Outcome<()> {
    if plan.direction == Direction::Export {
        if let Store::Sink(sink) = store {
            sink.clear()?;
            if let Before::InStore(others) = &plan.before {
                sink.populate(STOCK, plan.input)?;
                sink.hold(others)?;
            }
        }
        return Ok(());
    }
    fs::create_dir_all(if tool.is_ours() { target.join("blobs/sha256") } else { target.to_owned() })?;
    if let Before::InDirectory(count) = plan.before {
        for blob in plan.input.blobs.iter().take(count) {
            let name = format!("sha256:{}", blob.digest);
            fs::hard_link(plan.input.plain.join(name), target.join(tool.file_name(&blob.digest)))?;
        }
    }
    store.reset()
}

/// Measures `sha256sum`, which users of the other tools need for the same assurance.
fn sha256sum(bench: &Bench, directory: &Path) -> Outcome<Sample> {
    let mut command = Command::new("sha256sum");
    for entry in fs::read_dir(directory)? {
        command.arg(entry?.path());
    }
    measured(bench, &command)
}

/// Measures SHA-256 over the input on one core, from memory.
fn hash(bench: &Bench, input: &Input) -> Outcome<Sample> {
    let (started, before) = (Instant::now(), cpu_seconds(UsageWho::RUSAGE_THREAD)?);
    for blob in &input.blobs {
        let mut hash = Sha256::new();
        bench.pattern.stretch(blob.offset, blob.size, UPDATE).for_each(|slice| hash.update(slice));
        std::hint::black_box(hash.finalize());
    }
    Ok(Sample {
        wall: started.elapsed().as_secs_f64(),
        cpu: cpu_seconds(UsageWho::RUSAGE_THREAD)? - before,
        peak_kib: 0.0,
        seen: None,
    })
}
