//! Tools in turns: round by round each tool does the same once, so that what else the machine does hits all alike.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use sha2::{Digest, Sha256};

use crate::Outcome;
use crate::driver::Bench;
use crate::driver::endpoint::Endpoint;
use crate::driver::inputs::Input;
use crate::driver::sample::{Sample, measured};
use crate::driver::sink::{Conditions, Sink};
use crate::driver::tools::{Direction, Tool, Transfer};
use crate::report::{Key, Results};

/// The servers of the cases that have several.
pub(crate) enum Store {
    Sink(Sink),
}

pub(crate) struct Plan<'a> {
    pub(crate) case: &'static str,
    pub(crate) input: &'a Input,
    pub(crate) direction: Direction,
    pub(crate) tools: &'a [Tool],
    /// So many blobs are in the directory before an import.
    pub(crate) present: usize,
    /// Measure what SHA-256 over the same bytes takes, too.
    pub(crate) references: bool,
}

pub(crate) fn stores(bench: &Bench) -> Outcome<Vec<Store>> {
    let mut stores = Vec::new();
    for tls in [false, true] {
        if bench.options.sink && (if tls { bench.options.tls } else { bench.options.plain }) {
            stores.push(Store::Sink(Sink::start(bench, Conditions::default(), tls)?));
        }
    }
    Ok(stores)
}

impl Store {
    pub(crate) fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Sink(sink) => &sink.endpoint,
        }
    }
}

/// Where imports are taken from.
const STOCK: &str = "stock/";

pub(crate) fn run_rounds(bench: &Bench, results: &mut Results, store: &mut Store, plan: &Plan<'_>) -> Outcome<()> {
    if plan.direction == Direction::Import {
        stock(bench, store, plan)?;
    }
    for round in 0..bench.options.runs {
        eprintln!(
            "{} {} on {}: round {} of {}",
            plan.case,
            plan.direction.name(),
            store.endpoint().name,
            round + 1,
            bench.options.runs
        );
        let mut tools = plan.tools.to_vec();
        // Not always the same one first.
        tools.rotate_left(round % plan.tools.len());
        // Once is enough to see that it is slow.
        tools.retain(|tool| *tool != Tool::Aws || round == 0);
        for tool in tools {
            run_one(bench, results, store, plan, (tool, round))?;
        }
        if plan.references && plan.direction == Direction::Import {
            results.add(key(store, plan, "sha256 in-process"), plan.input.bytes, hash(bench, plan.input)?);
        }
    }
    Ok(())
}

fn key(store: &Store, plan: &Plan<'_>, tool: impl Into<String>) -> Key {
    Key {
        case: plan.case.to_owned(),
        server: store.endpoint().name.clone(),
        what: plan.direction.name().to_owned(),
        tool: tool.into(),
    }
}

/// Puts into the store what imports are to find.
fn stock(bench: &Bench, store: &Store, plan: &Plan<'_>) -> Outcome<()> {
    match store {
        Store::Sink(sink) => {
            sink.clear()?;
            sink.populate(STOCK, plan.input)?;
        }
    }
    // The blobs being there, this writes the manifest.
    let target = Path::new("");
    let transfer = Transfer {
        direction: Direction::Export,
        endpoint: store.endpoint(),
        input: plan.input,
        prefix: STOCK,
        target,
        skip_existing: false,
    };
    measured(bench, &Tool::Ours.command(bench, &transfer)).map(|_| ())
}

fn run_one(
    bench: &Bench,
    results: &mut Results,
    store: &Store,
    plan: &Plan<'_>,
    (tool, round): (Tool, usize),
) -> Outcome<()> {
    let target = bench.work.join("target");
    let own = format!("run-{round}-{}/", tool.name().replace(' ', "-"));
    let prefix = if plan.direction == Direction::Import { STOCK } else { &own };
    let transfer = Transfer {
        direction: plan.direction,
        endpoint: store.endpoint(),
        input: plan.input,
        prefix,
        target: &target,
        skip_existing: plan.present > 0,
    };
    match (store, plan.direction) {
        (Store::Sink(sink), Direction::Export) => sink.clear()?,
        (Store::Sink(sink), Direction::Import) => sink.reset()?,
    }
    if plan.direction == Direction::Import {
        begin(plan, tool, &target)?;
    }
    let mut sample = measured(bench, &tool.command(bench, &transfer))?;
    match store {
        Store::Sink(sink) => {
            let seen = sink.seen()?;
            if plan.direction == Direction::Export && seen.bytes < plan.input.bytes {
                return Err(format!("{}: {} of {} bytes arrived", tool.name(), seen.bytes, plan.input.bytes).into());
            }
            sample.seen = Some(seen);
        }
    }
    results.add(key(store, plan, tool.name()), plan.input.bytes, sample);
    if plan.direction == Direction::Import {
        plan.input.restored(&target, |digest| tool.file_name(digest))?;
        if plan.references && tool == Tool::S5cmd {
            results.add(key(store, plan, "sha256sum after s5cmd"), plan.input.bytes, sha256sum(bench, &target)?);
        }
        fs::remove_dir_all(&target)?;
    }
    Ok(())
}

/// The directory as an import finds it.
fn begin(plan: &Plan<'_>, tool: Tool, target: &Path) -> Outcome<()> {
    fs::create_dir_all(if tool.is_ours() { target.join("blobs/sha256") } else { target.to_owned() })?;
    for blob in plan.input.blobs.iter().take(plan.present) {
        let name = format!("sha256:{}", blob.digest);
        fs::hard_link(plan.input.plain.join(name), target.join(tool.file_name(&blob.digest)))?;
    }
    Ok(())
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
    let cpu = || -> Outcome<f64> {
        let usage = getrusage(UsageWho::RUSAGE_THREAD)?;
        let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
    };
    let (started, before) = (Instant::now(), cpu()?);
    for blob in &input.blobs {
        let mut hash = Sha256::new();
        bench.pattern.stretch(blob.offset, blob.size, MAX_UPDATE).for_each(|slice| hash.update(slice));
        std::hint::black_box(hash.finalize());
    }
    Ok(Sample { wall: started.elapsed().as_secs_f64(), cpu: cpu()? - before, peak_kib: 0.0, seen: None })
}

/// About what a reader gives to the hash at once.
const MAX_UPDATE: usize = 256 * 1024;
