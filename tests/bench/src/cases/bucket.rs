//! Looking at large buckets, and planning to prune them, beside what the other tools have for the sum of all sizes.

use std::fmt::Write as _;
use std::process::Command;

use sha2::{Digest, Sha256};

use super::store::{STOCK, Store};
use crate::Outcome;
use crate::driver::Bench;
use crate::driver::endpoint::Endpoint;
use crate::driver::inputs::Input;
use crate::driver::sample::measured;
use crate::driver::sink::{Conditions, Sink};
use crate::driver::tools::{BUCKET, attributes_without_name, with_credentials};
use crate::report::{Key, Results};

pub(crate) const CASE: &str = "bucket";
pub(crate) const DU: &str = "s3-build-cache du";
pub(crate) const PRUNE: &str = "s3-build-cache prune --dry-run";
pub(crate) const S5CMD: &str = "s5cmd du";
pub(crate) const RCLONE: &str = "rclone size";
const AWS: &str = "aws s3 ls --summarize";

/// The numbers of objects.
pub(crate) const SIZES: [usize; 2] = [100_000, 1_000_000];
/// The blobs that the one manifest references.
const REFERENCED: usize = 200;
/// The number of objects that the sink is told of at once.
const LINES: usize = 50_000;

pub(super) fn run(bench: &Bench, results: &mut Results) -> Outcome<()> {
    let input = Input::make(bench, CASE, REFERENCED, 1024)?;
    let sizes = if bench.options.quick { &[3000][..] } else { &SIZES };
    let mut store = Store::Sink(Sink::start(bench, Conditions::default(), false)?);
    for size in sizes {
        store.stock(bench, &input)?;
        let Store::Sink(sink) = &store else { return Err("only the sink holds so many objects".into()) };
        fill(sink, *size)?;
        for round in 0..bench.options.runs {
            eprintln!("{CASE} of {size} objects: round {} of {}", round + 1, bench.options.runs);
            let mut tools = vec![DU, PRUNE, S5CMD, RCLONE];
            let first = round % tools.len();
            tools.rotate_left(first);
            // It is slow, and takes ten times as long for ten times as many.
            if round == 0 && *size == SIZES[0] {
                tools.push(AWS);
            }
            for tool in tools {
                sink.reset()?;
                let mut sample = measured(bench, &command(bench, &sink.endpoint, tool))?;
                sample.seen = Some(sink.seen()?);
                results.add(key(*size, tool), 0, sample);
            }
        }
    }
    Ok(())
}

/// Returns the key of a result.
pub(crate) fn key(objects: usize, tool: &str) -> Key {
    Key { case: CASE.to_owned(), server: "sink".to_owned(), what: what(objects), tool: tool.to_owned() }
}

/// Returns the name of a number of objects in the results.
pub(crate) fn what(objects: usize) -> String {
    format!("of {objects} objects")
}

/// Adds blobs that no manifest references, until there are so many objects. Their keys are as even as those of digests.
fn fill(sink: &Sink, objects: usize) -> Outcome<()> {
    let numbers: Vec<usize> = (REFERENCED..objects).collect();
    for numbers in numbers.chunks(LINES) {
        let mut lines = String::new();
        for number in numbers {
            let digest = hex::encode(Sha256::digest(number.to_string()));
            writeln!(lines, "{STOCK}blobs/sha256:{digest} {} 0", 1000 + number % 5000)?;
        }
        sink.hold(&lines)?;
    }
    Ok(())
}

fn command(bench: &Bench, endpoint: &Endpoint, tool: &str) -> Command {
    let programs = &bench.programs;
    let attributes = attributes_without_name(endpoint, STOCK);
    let all = format!("s3://{BUCKET}/{STOCK}");
    let mut command = match tool {
        DU | PRUNE => Command::new(&programs.ours),
        S5CMD => Command::new(&programs.s5cmd),
        RCLONE => Command::new(&programs.rclone),
        _ => Command::new(&programs.aws),
    };
    match tool {
        DU => command.args(["du", &attributes, "-q"]),
        PRUNE => command.args(["prune", &attributes, "--dry-run", "-q"]),
        S5CMD => command.args(["--endpoint-url", &endpoint.url, "du", &format!("{all}*")]),
        RCLONE => {
            command.args(["--config", "/dev/null", "size", "--fast-list", "--s3-provider", "Other", "--s3-env-auth"]);
            command.args(["--s3-region", "us-east-1", "--s3-endpoint", &endpoint.url]);
            command.arg(format!(":s3:{BUCKET}/{STOCK}"))
        }
        _ => command.args(["--endpoint-url", &endpoint.url, "s3", "ls", "--recursive", "--summarize", &all]),
    };
    with_credentials(&mut command, endpoint);
    command
}
