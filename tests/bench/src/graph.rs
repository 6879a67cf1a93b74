//! The case `graph`, in-process: reads, filters and writes a large cache config. Each size is a process of its own, so
//! that its peak memory is its own.

use std::path::Path;
use std::time::Instant;

use nix::sys::resource::UsageWho;
use s3_build_cache::cache_config::{Annotations, CacheConfigBuilder, LayerId, RecordId};
use s3_build_cache::time::Timestamp;
use s3_build_cache::{CacheConfig, Digest};
use serde_json::{Value, json};

use crate::Outcome;
use crate::measure::cpu_seconds;

/// As long a chain of layers as an image has at most, nearly.
const CHAIN: usize = 100;
/// Records without inputs: sources.
const SOURCES: usize = 100;

/// `graph make FILE RECORDS LAYERS` writes a config, `graph run FILE ROUNDS` prints what it takes to work on it.
pub(crate) fn main(arguments: &[String]) -> Outcome<()> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", file, records, layers] => make(Path::new(file), records.parse()?, layers.parse()?),
        ["run", file, rounds] => run(Path::new(file), rounds.parse()?),
        _ => Err("graph make FILE RECORDS LAYERS, or graph run FILE ROUNDS".into()),
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
            // Two results of other steps, one of them known by its content, and a third.
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

fn run(file: &Path, rounds: usize) -> Outcome<()> {
    let json = std::fs::read(file)?;
    let mut samples = Vec::new();
    for _ in 0..rounds {
        let started = Now::take()?;
        let config = CacheConfig::from_s3_json(&json)?;
        let read = Now::take()?;
        let (min, _) = config.into_min();
        let filtered = Now::take()?;
        let written = min.to_s3_json();
        let all = Now::take()?;
        samples.push(json!({
            "read": read.since(&started),
            "min": filtered.since(&read),
            "write": all.since(&filtered),
            "total": all.since(&started),
            "written": written.len(),
        }));
    }
    println!("{}", json!({ "bytes": json.len(), "samples": samples }));
    Ok(())
}

/// A moment, by the clock and by what the process has taken.
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
