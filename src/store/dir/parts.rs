//! Writes an object in parts, each at its offset in one temporary file.

use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;

use crate::base::{Arrived, Error, Result, Unpoisoned as _};
use crate::files::{TempFile, is_same_file};
use crate::object::{GetOptions, MultipartUpload, ObjectStore as _, Payload, PutMode, Version};
use crate::store::dir::bucket::DirStore;

const CHUNK_BYTES: usize = 128 * 1024;

/// An object being written; its temporary file is removed when this is dropped.
pub(super) struct DirUpload<'a> {
    store: &'a DirStore,
    key: String,
    size: u64,
    mode: PutMode,
    temp: TempFile,
    /// Makes the upload visible in listings of unfinished uploads.
    _note: TempFile,
    written: Mutex<Arrived>,
}

impl<'a> DirUpload<'a> {
    pub(super) fn begin(store: &'a DirStore, key: &str, size: u64, mode: &PutMode) -> Result<Self> {
        let temp = store.begin(key)?;
        let note = store.note_upload(key, &temp)?;
        let (key, mode) = (key.to_owned(), mode.clone());
        Ok(Self { store, key, size, mode, temp, _note: note, written: Mutex::default() })
    }

    fn wrote(&self, offset: u64, size: u64) {
        let mut written = self.written.lock().unpoisoned();
        written.insert(offset..offset.saturating_add(size));
    }
}

impl MultipartUpload for DirUpload<'_> {
    fn put_part(&self, _: u32, offset: u64, payload: &dyn Payload) -> Result<()> {
        self.store.fill(&self.key, payload, &self.temp, offset)?;
        self.wrote(offset, payload.size());
        Ok(())
    }

    fn copy_part(&self, _: u32, offset: u64, source: &str, range: Range<u64>) -> Result<()> {
        let Some(mut object) = self.store.read(source, &GetOptions::range(range.clone()))? else {
            return Err(Error::not_found(format!("{} does not exist", self.store.location(source))));
        };
        if range.end > object.size {
            let message = format!("{} has only {} bytes", self.store.location(source), object.size);
            return Err(Error::integrity(message));
        }
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut copied = 0;
        loop {
            let chunk = match object.body.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::io("read", self.store.location(source), error)),
            };
            let written = self.temp.file().write_all_at(chunk, offset.saturating_add(copied));
            written.map_err(|error| Error::io("write", self.temp.path(), error))?;
            copied += chunk.len() as u64;
        }
        self.wrote(offset, copied);
        Ok(())
    }

    fn complete(&self) -> Result<Option<Version>> {
        let prefix = self.written.lock().unpoisoned().prefix();
        if prefix != self.size {
            let location = self.store.location(&self.key);
            let message = format!("{location} was not written: its parts do not add up to {} bytes", self.size);
            return Err(Error::integrity(message));
        }
        if !is_same_file(self.temp.file(), self.temp.path()).unwrap_or(true) {
            let location = self.store.location(&self.key);
            return Err(Error::conflict(format!("{location} was not written: its upload was aborted")));
        }
        self.store.name(&self.key, &self.temp, &self.mode).map(Some)
    }
}
