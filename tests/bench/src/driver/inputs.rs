//! Local caches to export: BuildKit's OCI layout for s3-build-cache, and a plain directory with hard links to the same
//! blobs for the other tools.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Bench;
use crate::Outcome;
use crate::pattern::{Pattern, RING};

const CREATED: &str = "2026-01-02T03:04:05.123456789Z";

/// One blob: a stretch of the pattern.
pub(crate) struct Blob {
    pub(crate) digest: String,
    pub(crate) size: u64,
    pub(crate) offset: u64,
}

impl Blob {
    /// Returns whether a file has exactly these bytes.
    pub(crate) fn is_at(&self, file: &Path) -> Outcome<bool> {
        let mut file = match File::open(file) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if file.metadata()?.len() != self.size {
            return Ok(false);
        }
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex::encode(hash.finalize()) == self.digest),
                read => hash.update(&buffer[..read]),
            }
        }
    }
}

pub(crate) struct Input {
    /// The directory for `s3-build-cache export`.
    pub(crate) cache: PathBuf,
    /// The directory of files with the names of the objects, `sha256:…`.
    pub(crate) plain: PathBuf,
    pub(crate) blobs: Vec<Blob>,
    pub(crate) bytes: u64,
    /// The digests of the cache config and the manifest.
    pub(crate) config: String,
    pub(crate) manifest: String,
}

impl Input {
    pub(crate) fn make(bench: &Bench, name: &str, count: usize, size: u64) -> Outcome<Self> {
        let root = bench.work.join("inputs").join(name);
        let (cache, plain) = (root.join("cache"), root.join("plain"));
        let folder = cache.join("blobs/sha256");
        fs::create_dir_all(&folder)?;
        fs::create_dir_all(&plain)?;
        let mut blobs = Vec::with_capacity(count);
        for number in 0..count {
            // Any odd step will do: neighbouring blobs must differ.
            let offset = number as u64 * 1_000_003 % RING as u64;
            let digest = digest(&bench.pattern, offset, size);
            let file = folder.join(&digest);
            bench.pattern.write(offset, size, File::create(&file)?)?;
            fs::hard_link(&file, plain.join(format!("sha256:{digest}")))?;
            blobs.push(Blob { digest, size, offset });
        }
        if blobs.iter().map(|blob| &blob.digest).collect::<HashSet<_>>().len() != count {
            return Err(format!("{name}: two blobs are the same").into());
        }
        let (config, manifest) = layout(&cache, &blobs)?;
        Ok(Self { cache, plain, bytes: blobs.iter().map(|blob| blob.size).sum(), blobs, config, manifest })
    }

    /// Returns the bytes of a blob, the config or the manifest, by their digest.
    pub(crate) fn read(&self, digest: &str) -> Outcome<Vec<u8>> {
        Ok(fs::read(self.cache.join("blobs/sha256").join(digest))?)
    }

    /// Checks that a directory has all blobs; `name` returns the file name for a digest.
    pub(crate) fn restored(&self, directory: &Path, name: impl Fn(&str) -> String) -> Outcome<()> {
        for blob in &self.blobs {
            let path = directory.join(name(&blob.digest));
            let size = fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?.len();
            if size != blob.size {
                return Err(format!("{} has {size} bytes, not {}", path.display(), blob.size).into());
            }
        }
        Ok(())
    }
}

fn digest(pattern: &Pattern, offset: u64, size: u64) -> String {
    let mut hash = Sha256::new();
    pattern.stretch(offset, size, usize::MAX).for_each(|slice| hash.update(slice));
    hex::encode(hash.finalize())
}

/// Writes the config, the manifest and the index: every blob is the layer of one step's result. Returns the digests of
/// the config and the manifest.
fn layout(cache: &Path, blobs: &[Blob]) -> Outcome<(String, String)> {
    let layers: Vec<Value> =
        blobs.iter().map(|blob| json!({ "blob": format!("sha256:{}", blob.digest), "parent": -1 })).collect();
    let records: Vec<Value> = (0..blobs.len())
        .map(|layer| {
            let digest = format!("sha256:{}", hex::encode(Sha256::digest(format!("step {layer}"))));
            json!({ "layers": [{ "layer": layer, "createdAt": CREATED }], "digest": digest })
        })
        .collect();
    let stored = store(cache, &json!({ "layers": layers, "records": records }))?;
    let layers: Vec<Value> = blobs
        .iter()
        .map(|blob| {
            let digest = format!("sha256:{}", blob.digest);
            json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": digest,
                "size": blob.size,
                "annotations": { "buildkit/createdat": CREATED, "containerd.io/uncompressed": digest },
            })
        })
        .collect();
    let config =
        json!({ "mediaType": "application/vnd.buildkit.cacheconfig.v0", "digest": oci(&stored.0), "size": stored.1 });
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
    let manifest = store(cache, &manifest)?;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": media_type,
            "digest": oci(&manifest.0),
            "size": manifest.1,
            "annotations": { "org.opencontainers.image.ref.name": "latest" },
        }],
    });
    fs::write(cache.join("index.json"), index.to_string())?;
    fs::write(cache.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok((stored.0, manifest.0))
}

/// Returns a digest as it is written in a document.
fn oci(digest: &str) -> String {
    format!("sha256:{digest}")
}

/// Stores a document as a blob and returns its digest and size.
fn store(cache: &Path, document: &Value) -> Outcome<(String, usize)> {
    let text = document.to_string();
    let digest = hex::encode(Sha256::digest(&text));
    let file = File::create(cache.join("blobs/sha256").join(&digest))?;
    io::Write::write_all(&mut BufWriter::new(file), text.as_bytes())?;
    Ok((digest, text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_recognized_by_its_bytes() {
        let file = std::env::temp_dir().join(format!("s3-build-cache-bench-{}-blob", std::process::id()));
        let blob = Blob { digest: hex::encode(Sha256::digest(b"abc")), size: 3, offset: 0 };
        assert!(!blob.is_at(&file).unwrap());
        for (bytes, same) in [("abc", true), ("abd", false), ("ab", false), ("abcd", false)] {
            fs::write(&file, bytes).unwrap();
            assert_eq!(blob.is_at(&file).unwrap(), same, "{bytes}");
        }
        fs::remove_file(file).unwrap();
    }
}
