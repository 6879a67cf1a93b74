//! Transfers over a slow line that are interrupted and repeated: how much of what was transferred was in vain.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::MIB;
use super::store::{STOCK, Store};
use crate::Outcome;
use crate::driver::Bench;
use crate::driver::inputs::Input;
use crate::driver::options::Interrupt;
use crate::driver::sample::{interrupted, measured};
use crate::driver::sink::{Conditions, Seen, Sink};
use crate::driver::tools::{Direction, Tool, Transfer};
use crate::report::{Interruption, Results};

const CONNECTIONS: usize = 16;

/// Larger blobs are sent in parts and fetched in ranges of `PART` bytes.
const WHOLE: u64 = 16 * MIB;
const PART: u64 = 8 * MIB;

/// The shares of the bytes after which the transfer is interrupted, in percent.
const SHARES: [u64; 3] = [33, 50, 67];

/// The time for connections to end after their client did.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let (size, line) = if bench.options.quick { (MIB / 4, 4_000_000) } else { (40 * MIB, 25_000_000) };
    let Interrupt { count, size, line } = bench.options.interrupt.unwrap_or(Interrupt { count: 14, size, line });
    let case = Case { bench, input: Input::make(bench, "interrupt", count, size)?, line };
    let sink = Sink::start(bench, Conditions { line: Some(line), ..Conditions::default() }, false)?;
    // Only while a transfer waits for its interruption.
    sink.line(None)?;
    let mut store = Store::Sink(sink);
    for direction in [Direction::Export, Direction::Import] {
        if direction == Direction::Import {
            store.stock(bench, &case.input)?;
        }
        for tool in [Tool::OursWith(CONNECTIONS), Tool::S5cmd, Tool::Rclone] {
            for percent in SHARES {
                eprintln!("interrupt {} of {} at {percent} %", direction.name(), tool.name());
                let found = case.one(&store, direction, tool, percent);
                results.interruptions.push(found.map_err(|error| format!("{}: {error}", tool.name()))?);
            }
        }
    }
    Ok(())
}

struct Case<'a> {
    bench: &'a Bench,
    input: Input,
    line: u64,
}

impl Case<'_> {
    /// Interrupts a transfer, and repeats it without a limit: only what it transfers counts.
    fn one(&self, store: &Store, direction: Direction, tool: Tool, percent: u64) -> Outcome<Interruption> {
        let target = self.bench.work.join("target");
        let Store::Sink(sink) = store else { return Err("only the sink has a line".into()) };
        match direction {
            Direction::Export => sink.clear()?,
            Direction::Import => {
                fs::create_dir_all(if tool.is_ours() { target.join("blobs/sha256") } else { target.clone() })?;
                sink.reset()?;
            }
        }
        let transfer = Transfer {
            direction,
            endpoint: store.endpoint(),
            input: &self.input,
            prefix: STOCK,
            target: &target,
            skip_existing: true,
        };
        sink.line(Some(self.line))?;
        let due = self.input.bytes * percent / 100;
        interrupted(self.bench, &tool.command(self.bench, &transfer), || Ok(sink.seen()?.moved >= due))?;
        sink.line(None)?;
        let first = quiet(sink)?;
        let kept = match direction {
            Direction::Export => first.bytes,
            Direction::Import => self.restored(&target, tool)?,
        };
        sink.reset()?;
        measured(self.bench, &tool.command(self.bench, &transfer))?;
        let second = quiet(sink)?;
        let complete = match direction {
            Direction::Export => second.bytes >= self.input.bytes,
            Direction::Import => self.restored(&target, tool)? == self.input.bytes,
        };
        if direction == Direction::Import {
            fs::remove_dir_all(&target)?;
        }
        if tool.is_ours() && !complete {
            return Err("the repeated transfer did not transfer all that was missing".into());
        }
        let (what, tool) = (direction.name(), tool.name());
        let (moved, again) = (first.moved, second.moved);
        Ok(Interruption { what, tool, percent, moved, kept, again, allowed: self.allowed(), complete })
    }

    /// Returns the bytes of the blobs in a directory whose digests are right.
    fn restored(&self, directory: &Path, tool: Tool) -> Outcome<u64> {
        let mut kept = 0;
        for blob in &self.input.blobs {
            if blob.is_at(&directory.join(tool.file_name(&blob.digest)))? {
                kept += blob.size;
            }
        }
        Ok(kept)
    }

    /// Returns the bytes that may be lost: one request of each connection, and one blob.
    fn allowed(&self) -> u64 {
        let size = self.input.blobs.first().map_or(0, |blob| blob.size);
        CONNECTIONS as u64 * if size > WHOLE { PART } else { size } + size
    }
}

/// Waits until all connections have ended, and returns the counts.
fn quiet(sink: &Sink) -> Outcome<Seen> {
    let started = Instant::now();
    loop {
        let seen = sink.seen()?;
        if seen.open == 0 {
            return Ok(seen);
        }
        if started.elapsed() > PATIENCE {
            return Err(format!("{} connections are still open", seen.open).into());
        }
        sleep(Duration::from_millis(10));
    }
}
