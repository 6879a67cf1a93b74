//! The case `graph`, in-process: reads, filters and writes a large cache config. Each size runs in a separate process,
//! to measure its peak memory.

use std::path::Path;
use std::time::Instant;

use nix::sys::resource::UsageWho;
use s3_build_cache::cache_config::{Annotations, CacheConfigBuilder, LayerId, RecordId};
use s3_build_cache::time::Timestamp;
use s3_build_cache::{CacheConfig, Digest};
use serde_json::{Value, json};

use crate::Outcome;
use crate::measure::cpu_seconds;

/// The length of a chain of layers: nearly the maximum of an image.
const CHAIN: usize = 100;
/// The number of records without inputs, which are sources.
const SOURCES: usize = 100;

/// Runs `graph make FILE RECORDS LAYERS`, which writes a config, `graph run FILE`, which prints the time to process it,
/// or `graph parse FILE`, which prints the time to parse it into a tree of JSON values.
pub(crate) fn main(arguments: &[String]) -> Outcome<()> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", file, records, layers] => make(Path::new(file), records.parse()?, layers.parse()?),
        ["run", file] => run(Path::new(file)),
        ["parse", file] => parse(Path::new(file)),
        _ => Err("graph make FILE RECORDS LAYERS, graph run FILE, or graph parse FILE".into()),
    }
}

fn make(file: &Path, records: usize, layers: usize) -> Outcome<()> {
    let mut builder = CacheConfigBuilder::new();
    let time: Timestamp = "2026-01-02T03:04:05.123456789Z".parse()?;
    let mut all: Vec<LayerId> = Vec::with_capacity(layers);
    for number in 0..layers {
        let blob = Digest::of(format!("layer {number}").as_bytes());
        let parent = if number % CHAIN == 0 { None } else { all.last().copied() };
        let media_type = "application/vnd.oci.image.layer.v1.tar+gzip".into();
        let annotations = Annotations { media_type, diff_id: blob, size: 1_234_567, created_at: time };
        all.push(builder.layer(blob, parent, annotations));
    }
    let mut steps: Vec<RecordId> = Vec::with_capacity(records);
    for number in 0..records {
        let digest = Digest::of(format!("record {number}").as_bytes()).to_string();
        let inputs = if number < SOURCES {
            Vec::new()
        } else {
            // Two results of other steps, one of them identified by its content, and a third.
            vec![vec![(steps[number * 7 % number], ""), (steps[number - 1], "/src/x")], vec![(steps[number / 2], "")]]
        };
        let step = builder.record(digest, inputs);
        // Not every step has a result, and results share layers.
        if number % 3 == 0 {
            builder.result(step, all[number % layers], time);
        }
        steps.push(step);
    }
    std::fs::write(file, builder.build()?.to_s3_json())?;
    Ok(())
}

/// One pass, as in a CI job: what a second one costs is nobody's concern.
fn run(file: &Path) -> Outcome<()> {
    let json = std::fs::read(file)?;
    let started = Now::take()?;
    let config = CacheConfig::from_s3_json(&json)?;
    let read = Now::take()?;
    let (min, _) = config.into_min();
    let filtered = Now::take()?;
    let written = min.to_s3_json();
    let all = Now::take()?;
    let times = json!({
        "bytes": json.len(),
        "read": read.since(&started),
        "min": filtered.since(&read),
        "write": all.since(&filtered),
        "total": all.since(&started),
        "written": written.len(),
    });
    println!("{times}");
    Ok(())
}

fn parse(file: &Path) -> Outcome<()> {
    let json = std::fs::read(file)?;
    let started = Now::take()?;
    let tree: Value = serde_json::from_slice(&json)?;
    let parsed = Now::take()?;
    std::hint::black_box(&tree);
    println!("{}", json!({ "bytes": json.len(), "parse": parsed.since(&started) }));
    Ok(())
}

/// A point in time: the clock, and the CPU time of the process.
struct Now {
    wall: Instant,
    cpu: f64,
}

impl Now {
    fn take() -> Outcome<Self> {
        Ok(Self { wall: Instant::now(), cpu: cpu_seconds(UsageWho::RUSAGE_SELF)? })
    }

    fn since(&self, before: &Self) -> Value {
        json!({ "wall": (self.wall - before.wall).as_secs_f64(), "cpu": self.cpu - before.cpu })
    }
}
