//! A build tool that embeds the library: it writes its steps into a cache directory, and finds them again.

use std::collections::HashMap;
use std::io::Read;

use s3_build_cache::cache_config::{Annotations, CacheConfig, CacheConfigBuilder, Layer, RecordIndex};
use s3_build_cache::layout::{DocumentSizes, LocalCache};
use s3_build_cache::object::BlobSource;
use s3_build_cache::{Digest, Error, ErrorKind, ExportOptions, Result, S3Cache};

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

/// Blobs in memory, which readers borrow.
#[derive(Default)]
struct Blobs(HashMap<Digest, Vec<u8>>);

impl Blobs {
    fn add(&mut self, text: &str) -> Digest {
        let digest = Digest::of(text.as_bytes());
        self.0.insert(digest, text.into());
        digest
    }
}

impl BlobSource for Blobs {
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.0.get(digest).map(|bytes| bytes.len() as u64))
    }

    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>> {
        let bytes = self.0.get(digest).ok_or_else(|| Error::not_found(format!("no blob {digest}")))?;
        Ok(Box::new(bytes.as_slice()))
    }
}

fn read(source: &dyn BlobSource, digest: &Digest, offset: u64) -> String {
    let mut text = String::new();
    source.open_blob_at(digest, offset).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// Builds three steps: `fetch`, `compile` with the file `main.rs` of `fetch` or with its content, and `link`.
fn build(blobs: &mut Blobs) -> CacheConfig {
    let mut builder = CacheConfigBuilder::new();
    let time = "2026-01-02T03:04:05Z".parse().unwrap();
    let (mut below, mut layers) = (None, Vec::new());
    for text in ["sources", "objects", "program"] {
        let blob = blobs.add(text);
        let size = text.len() as u64;
        let layer =
            builder.layer(blob, below, Annotations { media_type: TAR.into(), diff_id: blob, size, created_at: time });
        below = Some(layer);
        layers.push(layer);
    }
    let fetch = builder.record("fetch", []);
    let content = builder.record("content of main.rs", []);
    let compile = builder.record("compile", [vec![(fetch, "main.rs"), (content, "")]]);
    let link = builder.record("link", [vec![(compile, "")], vec![(fetch, "")]]);
    for (record, layer) in [fetch, compile, link].into_iter().zip(layers) {
        builder.result(record, layer, time);
    }
    builder.build().unwrap()
}

/// Returns the layers of a step's result, or `None` if the step has to run.
fn cached<'a>(config: &'a CacheConfig, found: &[RecordIndex]) -> Option<Vec<&'a Layer>> {
    config.chain(found.iter().find_map(|record| config.record(*record)?.newest_result())?)
}

#[test]
fn a_build_tool_finds_its_steps_and_their_layers() {
    let dir = tempfile::tempdir().unwrap();
    let mut blobs = Blobs::default();
    let config = build(&mut blobs);
    let cache = LocalCache::create(dir.path(), String::from("v1"));
    let writer = cache.begin_write().unwrap();
    for (digest, size) in config.blobs() {
        let mut blob = writer.blob(&digest, size).unwrap();
        blob.write(read(&blobs, &digest, 0).as_bytes()).unwrap();
        assert!(blob.finish().unwrap());
    }
    assert_eq!(writer.commit(&config).unwrap(), DocumentSizes::of(&config));

    let cache = LocalCache::open(dir.path(), "v1").unwrap();
    let config = cache.load().unwrap();
    let whole = |found: &[RecordIndex]| found.iter().map(|record| (*record, "")).collect::<Vec<_>>();
    let fetch = config.find("fetch", []);
    let content = config.find("content of main.rs", []);
    assert_eq!(cached(&config, &content), None, "content is not a result");
    // Either of the two inputs is enough.
    let compile = config.find("compile", [whole(&content)]);
    assert_eq!(config.find("compile", [vec![(fetch[0], "main.rs")]]), compile);
    assert_eq!(config.find("compile", [whole(&fetch)]), []);
    let link = config.find("link", [whole(&compile), whole(&fetch)]);
    let layers = cached(&config, &link).unwrap();
    let texts: Vec<String> = layers.iter().map(|layer| read(&cache, &layer.blob, 0)).collect();
    assert_eq!(texts, ["sources", "objects", "program"]);
    assert_eq!(cached(&config, &compile).unwrap().len(), 2);
}

#[test]
fn a_source_that_borrows_its_readers_can_be_read_from_an_offset() {
    let mut blobs = Blobs::default();
    let digest = blobs.add("objects");
    assert_eq!((read(&blobs, &digest, 0), read(&blobs, &digest, 3)), ("objects".to_owned(), "ects".to_owned()));
    assert!(blobs.open_blob(&Digest::of(b"absent")).is_err());
}

/// Reads the manifest of the cache that it is exported to before it returns a blob.
struct Reading<'a> {
    cache: &'a S3Cache,
    blobs: &'a Blobs,
}

impl BlobSource for Reading<'_> {
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        self.blobs.blob_size(digest)
    }

    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>> {
        assert!(self.cache.load()?.is_none() && self.cache.open_blob(&Digest::of(b"no blob"))?.is_none());
        self.blobs.open_blob(digest)
    }
}

/// The export holds the only connection meanwhile.
#[test]
fn a_source_may_read_the_cache_it_is_exported_to() {
    let bucket = tempfile::tempdir().unwrap();
    let options = format!("type=s3,bucket=my-cache,endpoint_url=file://{}", bucket.path().display());
    let cache = S3Cache::builder(&options.parse().unwrap()).connections(1).open().unwrap();
    let mut blobs = Blobs::default();
    let config = build(&mut blobs);
    let source = Reading { cache: &cache, blobs: &blobs };
    let report = cache.export_config(&config, &source, &ExportOptions::new()).unwrap();
    assert_eq!(report.blobs.transferred, 3);
}

#[test]
fn names_to_export_to_are_checked_and_written_once() {
    let bucket = tempfile::tempdir().unwrap();
    let options = format!("type=s3,bucket=my-cache,name=feature,endpoint_url=file://{}", bucket.path().display());
    let cache = S3Cache::open(&options.parse().unwrap()).unwrap();
    let mut blobs = Blobs::default();
    let config = build(&mut blobs);
    let export = |names: &[&str]| cache.export_config(&config, &blobs, &ExportOptions::new().names(names.to_vec()));
    assert_eq!(export(&["main", "next", "main"]).unwrap().names, ["main", "next"]);
    for names in [&[][..], &[""], &["a;b"], &["../a"]] {
        assert_eq!(export(names).unwrap_err().kind(), ErrorKind::Usage, "{names:?}");
    }
    assert!(cache.load().unwrap().is_none(), "the cache's own name is not written");
}
