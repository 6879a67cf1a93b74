//! A tiny build tool that caches its steps. Each step turns the output of the step before it into its own; a step whose
//! result is in the cache does not run.
//!
//! `cargo run --example build_tool -- type=s3,region=eu-west-1,bucket=my-cache,name=app`

use std::collections::HashMap;
use std::io::Read;
use std::time::SystemTime;

use s3_build_cache::cache_config::{Annotations, CacheConfigBuilder, RecordIndex};
use s3_build_cache::object::BlobSource;
use s3_build_cache::time::Timestamp;
use s3_build_cache::{CacheConfig, CacheOptions, Digest, Error, ExportOptions, Result, S3Cache};

/// The type of the blobs. They are not archives, so BuildKit cannot use them as layers.
const MEDIA_TYPE: &str = "application/octet-stream";

/// One step of a build.
pub(crate) struct Step {
    /// Identifies the work of the step: if it changes, the step runs again.
    pub(crate) definition: &'static str,
    pub(crate) run: fn(&[u8]) -> Vec<u8>,
}

/// The outputs of the steps by their digests, which the export reads.
#[derive(Default)]
struct Outputs(HashMap<Digest, Vec<u8>>);

impl BlobSource for Outputs {
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.0.get(digest).map(|bytes| bytes.len() as u64))
    }

    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>> {
        let bytes = self.0.get(digest).ok_or_else(|| Error::not_found(format!("no output {digest}")))?;
        Ok(Box::new(bytes.as_slice()))
    }
}

/// Runs the steps that are not in the cache, and writes the cache. Returns the last output, and how many steps ran.
pub(crate) fn build(cache: &S3Cache, source: &[u8], steps: &[Step]) -> Result<(Vec<u8>, usize)> {
    let now = Timestamp::from(SystemTime::now());
    let known = cache.load()?.unwrap_or_default();
    let (mut builder, mut outputs) = (CacheConfigBuilder::new(), Outputs::default());
    // The source is the first input. It has no result: it is identified by its content.
    let content = Digest::of(source).to_string();
    let mut found = known.find(&content, []);
    let mut record = builder.record(content, []);
    let (mut output, mut layer, mut ran) = (source.to_vec(), None, 0);
    for step in steps {
        // In the cache, any of the records of the step before is an input. In what is written, there is one.
        let name = Digest::of(step.definition.as_bytes()).to_string();
        found = known.find(&name, [found.iter().map(|record| (*record, "")).collect()]);
        output = match fetch(cache, &known, &found)? {
            Some(output) => output,
            None => {
                ran += 1;
                (step.run)(&output)
            }
        };
        let blob = Digest::of(&output);
        let size = output.len() as u64;
        let about = Annotations { media_type: MEDIA_TYPE.to_owned(), diff_id: blob, size, created_at: now };
        let top = builder.layer(blob, layer, about);
        record = builder.record(name, [vec![(record, "")]]);
        builder.result(record, top, now);
        layer = Some(top);
        outputs.0.insert(blob, output.clone());
    }
    if ran > 0 {
        cache.export_config(&builder.build()?, &outputs, &ExportOptions::new())?;
    }
    Ok((output, ran))
}

/// Returns the output of a step from the cache, or `None` if the step has to run.
fn fetch(cache: &S3Cache, known: &CacheConfig, records: &[RecordIndex]) -> Result<Option<Vec<u8>>> {
    let result = records.iter().find_map(|record| known.record(*record)?.newest_result());
    // The layers of a result begin with those of earlier steps. The last is the step's own.
    let chain = result.and_then(|result| known.chain(result)).unwrap_or_default();
    let Some(layer) = chain.last() else { return Ok(None) };
    // If the blob was deleted meanwhile, the step runs again.
    cache.open_blob(&layer.blob)?.map(|blob| blob.read_all()).transpose()
}

#[allow(dead_code, clippy::print_stdout)]
fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let attributes = std::env::args().nth(1).ok_or("give the attributes of a cache: type=s3,...")?;
    let options: CacheOptions = attributes.parse()?;
    let steps = [
        Step { definition: "upper case 1", run: |input| input.to_ascii_uppercase() },
        Step { definition: "twice 1", run: |input| input.repeat(2) },
    ];
    let (output, ran) = build(&S3Cache::open(&options)?, b"hello ", &steps)?;
    println!("{} ({ran} of {} steps ran)", String::from_utf8_lossy(&output), steps.len());
    Ok(())
}
