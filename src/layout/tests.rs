use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::base::Digest;
use crate::cache_config::CacheConfig;
use crate::layout::manifest::Reference;
use crate::layout::path::LayoutPath;
use crate::layout::{DocumentSizes, LocalCache};
use crate::object::BlobSource;

mod blobs;
mod damage;
mod file_systems;
mod golden;
mod index;
mod manifest;
mod tags;
mod writers;

fn fixture(name: &str) -> PathBuf {
    Path::new("tests/fixtures").join(name)
}

fn s3(path: &str) -> CacheConfig {
    CacheConfig::from_s3_json(&fs::read(fixture(path)).unwrap()).unwrap()
}

/// Returns the path and bytes of every file below `dir`, without the lock, which another test may hold for a moment.
fn tree(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.file_name().is_some_and(|name| name != "index.json.lock") {
                files.push((path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn copy_tree(from: &Path, to: &Path) {
    for (path, bytes) in tree(from) {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// Writes `config` with its blobs from `source`, like an import.
fn restore(config: &CacheConfig, source: &Path, target: &LocalCache) -> DocumentSizes {
    let source = LocalCache::create(source, "latest");
    let writer = target.begin_write().unwrap();
    for (digest, size) in config.blobs() {
        let mut bytes = Vec::new();
        source.open_blob(&digest).unwrap().read_to_end(&mut bytes).unwrap();
        let mut blob = writer.blob(&digest, size).unwrap();
        bytes.chunks(1000).for_each(|chunk| blob.write(chunk).unwrap());
        assert!(blob.finish().unwrap());
    }
    writer.commit(config).unwrap()
}

fn blob_path(cache: &LocalCache, digest: &Digest) -> PathBuf {
    LayoutPath::new(cache.dir()).blob(digest)
}

/// Returns a reference to the empty blob with a made-up size.
fn reference(size: u64) -> Reference {
    Reference { digest: Digest::of(b""), size }
}
