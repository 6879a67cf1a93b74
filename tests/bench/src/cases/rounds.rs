//! Tools in turns: round by round each tool does the same once, so that what else the machine does hits all alike.

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

/// About what a reader gives to the hash at once.
const UPDATE: usize = 256 * 1024;

/// What is where before a run.
pub(super) enum Before {
    /// Exports find an empty store, imports an empty directory.
    Nothing,
    /// The directory has so many of the blobs.
    InDirectory(usize),
    /// The store has all blobs, and these objects (lines for the sink).
    InStore(String),
}

pub(super) struct Plan<'a> {
    pub(super) case: &'static str,
    /// How the table calls it: the direction, or more.
    pub(super) what: &'static str,
    pub(super) input: &'a Input,
    pub(super) direction: Direction,
    pub(super) tools: &'a [Tool],
    pub(super) before: Before,
    /// Measure what SHA-256 over the same bytes takes, too.
    pub(super) references: bool,
}

impl<'a> Plan<'a> {
    /// A cold export or import.
    pub(super) fn cold(case: &'static str, input: &'a Input, direction: Direction, tools: &'a [Tool]) -> Self {
        Self { case, what: direction.name(), input, direction, tools, before: Before::Nothing, references: false }
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
    let runs = bench.options.runs;
    for round in 0..runs {
        eprintln!("{} {} on {}: round {} of {runs}", plan.case, plan.what, store.endpoint().name, round + 1);
        if plan.direction == Direction::Export {
            store.empty(bench)?;
        }
        let mut tools = plan.tools.to_vec();
        // Not always the same one first.
        tools.rotate_left(round % plan.tools.len());
        // Once is enough to see that it is slow, in a trial of the bench to see that it runs.
        let enough = round > 0 || bench.options.quick && (plan.case, store.endpoint().name.as_str()) != ("big", "sink");
        tools.retain(|tool| *tool != Tool::Aws || !enough);
        for tool in tools {
            run_one(bench, results, store, plan, tool).map_err(|error| format!("{}: {error}", tool.name()))?;
        }
        if plan.references && plan.direction == Direction::Import {
            results.add(plan.key(store, "sha256 in-process"), plan.input.bytes, hash(bench, plan.input)?);
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
            results.add(plan.key(store, "sha256sum after s5cmd"), plan.input.bytes, sha256sum(bench, &target)?);
        }
        fs::remove_dir_all(&target)?;
    }
    Ok(())
}

/// Puts everything as the run is to find it.
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

/// What a user of the others would do to be as sure.
fn sha256sum(bench: &Bench, directory: &Path) -> Outcome<Sample> {
    let mut command = Command::new("sha256sum");
    for entry in fs::read_dir(directory)? {
        command.arg(entry?.path());
    }
    measured(bench, &command)
}

/// What the digests of the input cost on one core, from memory.
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
