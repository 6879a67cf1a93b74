//! A tool that reads a cache lazily: first the config, then only the bytes it needs.
//!
//! `cargo run --example lazy_reader -- type=s3,region=eu-west-1,bucket=my-cache,name=app`

use s3_build_cache::{CacheOptions, Result, S3Cache};

/// Returns a line for every layer: its digest, its size and how it is compressed, or `None` if there is no cache.
/// Downloads the manifest and four bytes of each layer.
pub(crate) fn describe(cache: &S3Cache) -> Result<Option<Vec<String>>> {
    let Some(config) = cache.load()? else { return Ok(None) };
    let mut lines = Vec::new();
    for (digest, size) in config.blobs() {
        // A blob may have been deleted since the manifest was written.
        let compression = match cache.open_blob(&digest)? {
            None => "missing",
            // The body has not been read yet. The range is a request of its own.
            Some(blob) => match blob.range(0..4).read_all()?.as_slice() {
                [0x1f, 0x8b, ..] => "gzip",
                [0x28, 0xb5, 0x2f, 0xfd] => "zstd",
                _ => "not compressed",
            },
        };
        lines.push(format!("{digest}  {size} bytes  {compression}"));
    }
    Ok(Some(lines))
}

#[allow(dead_code, clippy::print_stdout)]
fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let attributes = std::env::args().nth(1).ok_or("give the attributes of a cache: type=s3,...")?;
    let options: CacheOptions = attributes.parse()?;
    match describe(&S3Cache::open(&options)?)? {
        Some(lines) => lines.iter().for_each(|line| println!("{line}")),
        None => println!("no cache"),
    }
    Ok(())
}
