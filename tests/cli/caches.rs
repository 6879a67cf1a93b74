//! Caches of generated blobs, on disk and in the test server, and runs of the program that must be ended.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use s3_build_cache::{CacheConfig, LocalCache};

use super::Run;
use crate::s3::blobs::Blobs;
use crate::s3_server::Server;

const PROGRAM: &str = env!("CARGO_BIN_EXE_s3-build-cache");

/// Writes the blobs and their config as a local cache.
pub(crate) fn write_cache(blobs: &Blobs, dir: &Path) {
    let writer = LocalCache::create(dir, "latest").begin_write().unwrap();
    for (digest, bytes) in &blobs.bytes {
        let mut blob = writer.blob(digest, bytes.len() as u64).unwrap();
        blob.write(bytes).unwrap();
        assert!(blob.finish().unwrap());
    }
    writer.commit(&blobs.config).unwrap();
}

/// Returns the attributes of the test server, including its credentials.
pub(crate) fn s3_store(server: &Server) -> String {
    let keys = server.credentials();
    format!(
        "type=s3,bucket={},region={},endpoint_url={},access_key_id={},secret_access_key={}",
        server.bucket(),
        server.region(),
        server.endpoint(),
        keys.access_key_id,
        keys.secret_access_key,
    )
}

/// Copies a directory and its contents.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, path) = entry.map(|entry| (entry.file_type().unwrap(), entry.path())).unwrap();
        let to = to.join(path.file_name().unwrap());
        if entry.is_dir() {
            copy_tree(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// Returns all objects of a bucket by key.
pub(crate) fn objects_of_dir(bucket: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut objects = BTreeMap::new();
    let mut dirs = vec![bucket.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let key = path.strip_prefix(bucket).unwrap().to_str().unwrap().to_owned();
                objects.insert(key, fs::read(&path).unwrap());
            }
        }
    }
    objects
}

pub(crate) fn objects_of(server: &Server) -> BTreeMap<String, Vec<u8>> {
    server.keys().into_iter().filter_map(|key| Some((key.clone(), server.object(&key)?))).collect()
}

/// Checks that the bucket holds one of these caches completely, or none, and that every blob matches its digest.
#[track_caller]
pub(crate) fn bucket_is_sound(objects: &BTreeMap<String, Vec<u8>>, caches: &[&CacheConfig]) -> Option<usize> {
    for (key, bytes) in objects {
        if let Some(digest) = key.strip_prefix("blobs/") {
            assert_eq!(s3_build_cache::Digest::of(bytes).to_string(), digest);
        }
    }
    let manifest = objects.get("manifests/buildkit")?;
    let which = caches.iter().position(|config| config.to_s3_json() == *manifest).expect("one of the manifests");
    for (digest, size) in caches[which].blobs() {
        assert_eq!(objects.get(&format!("blobs/{digest}")).map(|bytes| bytes.len() as u64), Some(size), "{digest}");
    }
    Some(which)
}

/// Checks that the directory holds one of these caches completely, or none.
#[track_caller]
pub(crate) fn dir_is_sound(dir: &Path, caches: &[&CacheConfig]) -> Option<usize> {
    for blob in fs::read_dir(dir.join("blobs/sha256")).into_iter().flatten() {
        let path = blob.unwrap().path();
        let digest = s3_build_cache::Digest::of(&fs::read(&path).unwrap()).to_string();
        assert_eq!(digest.strip_prefix("sha256:"), path.file_name().unwrap().to_str());
    }
    if !dir.join("index.json").exists() {
        return None;
    }
    let cache = LocalCache::open(dir, "latest").unwrap();
    let config = cache.load().unwrap();
    let which = caches.iter().position(|known| **known == config).expect("one of the caches");
    for (digest, size) in config.blobs() {
        assert!(cache.has_blob(&digest, size).unwrap(), "{digest}");
    }
    Some(which)
}

/// Checks that no temporary files are left.
#[track_caller]
pub(crate) fn no_temporaries(dir: &Path) {
    for name in [".s3-build-cache", "index.json.lock"] {
        assert!(!dir.join(name).exists(), "{name} is left in {}", dir.display());
    }
}

/// A running program, in an empty home directory. It is killed when it is dropped.
pub(crate) struct Running {
    child: Option<Child>,
    _home: tempfile::TempDir,
}

pub(crate) fn start(arguments: &[&str]) -> Running {
    start_by(PROGRAM, &[], arguments)
}

/// Starts the program through another command, which gets the program and its arguments as its last arguments.
pub(crate) fn start_by(command: &str, before: &[&str], arguments: &[&str]) -> Running {
    let home = tempfile::tempdir().unwrap();
    let program = (command != PROGRAM).then_some(PROGRAM);
    let child = Command::new(command)
        .args(before)
        .args(program)
        .args(arguments)
        .env_clear()
        .env("HOME", home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    Running { child: Some(child), _home: home }
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Waits for the first line of the standard output. It is not part of what [`finish`](Self::finish) returns.
    pub(crate) fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.child.as_mut().unwrap().stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    /// Kills the program, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.as_mut().unwrap().kill().unwrap();
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits until the program ends. The status of a killed program is -1.
    #[track_caller]
    pub(crate) fn finish(mut self, within: Duration) -> Run {
        let start = Instant::now();
        while self.child.as_mut().unwrap().try_wait().unwrap().is_none() {
            assert!(start.elapsed() < within, "it still runs after {within:?}");
            thread::sleep(Duration::from_millis(5));
        }
        let output = self.child.take().unwrap().wait_with_output().unwrap();
        Run::of(output)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
