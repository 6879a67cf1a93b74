//! Exports of two jobs that share a blob, in a directory, for the commands that look after a bucket.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::caches::{objects_of_dir, write_cache};
use super::{Run, file_store, run};
use crate::s3::blobs::{Blobs, noise};
use crate::s3::merge::job;

/// Exports of two jobs that share a blob, in a directory.
pub(crate) struct Bucket {
    pub(crate) root: tempfile::TempDir,
    pub(crate) store: String,
}

impl Bucket {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let bucket = Self { store: file_store(&root.path().join("store")), root };
        bucket.export("pr-1", 1);
        bucket.export("main", 0);
        bucket
    }

    pub(crate) fn export(&self, name: &str, number: u32) {
        let dir = self.root.path().join(format!("job-{number}"));
        if !dir.exists() {
            write_cache(&job(number), &dir);
        }
        run(&["export", dir.to_str().unwrap(), "--cache-to", &format!("{},name={name}", self.store)]).expect(0);
    }

    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.root.path().join("store/trial").join(key)
    }

    /// Returns the file of the blob with these bytes.
    pub(crate) fn blob(&self, bytes: &[u8]) -> PathBuf {
        self.path(&Blobs::new(vec![bytes.to_vec()]).key())
    }

    /// Returns the file of the blob that only this job has.
    pub(crate) fn own_blob(&self, number: u32) -> PathBuf {
        self.blob(&noise(100 + number, 200))
    }

    /// Makes all objects older.
    pub(crate) fn age(&self, by: Duration) {
        for key in objects_of_dir(&self.path("")).keys() {
            let file = File::options().write(true).open(self.path(key)).unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            file.set_modified(modified - by).unwrap();
        }
        // The record has the time in itself.
        let record = self.path(".s3-build-cache/unreferenced");
        let Ok(bytes) = fs::read(&record) else { return };
        let line = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let space = line + bytes[line..].iter().position(|byte| *byte == b' ').unwrap();
        let time: u64 = std::str::from_utf8(&bytes[line..space]).unwrap().parse().unwrap();
        let moved = (time - by.as_secs()).to_string().into_bytes();
        fs::write(record, [&bytes[..line], &moved, &bytes[space..]].concat()).unwrap();
    }

    #[track_caller]
    pub(crate) fn run(&self, command: &str, more: &[&str], status: i32) -> Run {
        run(&[&[command, &self.store][..], more].concat()).expect(status)
    }

    #[track_caller]
    pub(crate) fn json(&self, command: &str, more: &[&str], status: i32) -> Value {
        serde_json::from_str(&self.run(command, &[more, &["--json"]].concat(), status).stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn is_sound(&self) {
        self.run("verify", &["--deep"], 0);
    }
}
