//! A cache served as a registry, and the clients of registries.

mod access;
pub(crate) mod client;
mod faults;
mod leaving;
mod limits;
mod preflight;
mod pull;
pub(crate) mod push;
mod references;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use s3_build_cache::layout::LayoutWriter;
use s3_build_cache::serve::{Mount, ServeOptions, ServeSummary, Server, Stopper};
use s3_build_cache::{CacheConfig, LocalCache, S3Cache};
use serde_json::Value;

/// A running server. Dropping it stops it, and waits for every thread.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    server: Arc<Server>,
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    pub(crate) fn start(mounts: Vec<Mount>, options: &ServeOptions) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Arc::new(Server::bind(mounts, options, listener).unwrap());
        let thread = std::thread::spawn({
            let server = server.clone();
            move || server.run().unwrap()
        });
        Self { address: server.local_addr(), stopper: server.stopper(), server, thread: Some(thread) }
    }

    /// Serves the names of the cache's options in the repository `cache`.
    pub(crate) fn names(cache: S3Cache) -> Self {
        Self::start(vec![Mount::read_only("cache", vec![cache])], &ServeOptions::new())
    }

    pub(crate) fn summary(&self) -> ServeSummary {
        self.server.summary()
    }

    /// Stops the server, and returns what it has done until its last request ended.
    pub(crate) fn stop(mut self) -> ServeSummary {
        self.end();
        self.summary()
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.stopper.stop_within(Duration::from_secs(2));
        assert!(thread.join().is_ok() || std::thread::panicking(), "the server panicked");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.end();
    }
}

/// Opens a cache in a directory.
pub(crate) fn directory(root: &Path, more: &str) -> S3Cache {
    let attributes = format!("type=s3,bucket=bucket,endpoint_url=file://{}{more}", root.display());
    S3Cache::open(&attributes.parse().unwrap()).unwrap()
}

/// Returns the manifest and the config of the cache in a directory.
pub(crate) fn documents(dir: &Path) -> (Vec<u8>, Vec<u8>) {
    let index: Value = serde_json::from_slice(&std::fs::read(dir.join("index.json")).unwrap()).unwrap();
    let read = |digest: &Value| {
        let (_, hex) = digest.as_str().unwrap().split_once(':').unwrap();
        std::fs::read(dir.join("blobs/sha256").join(hex)).unwrap()
    };
    let manifest = read(&index["manifests"][0]["digest"]);
    let json: Value = serde_json::from_slice(&manifest).unwrap();
    let config = read(&json["config"]["digest"]);
    (manifest, config)
}

/// Returns the manifest and the config that an import would write for `config`, whose blobs it does not need.
pub(crate) fn written(config: &CacheConfig, with: impl FnOnce(LayoutWriter) -> LayoutWriter) -> (Vec<u8>, Vec<u8>) {
    let work = tempfile::tempdir().unwrap();
    let dir = work.path().join("written");
    let writer = LocalCache::create(&dir, "latest").begin_write().unwrap();
    with(writer).commit(config).unwrap();
    documents(&dir)
}
