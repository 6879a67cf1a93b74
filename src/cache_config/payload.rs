//! The manifest of an S3 cache as a request body, serialized while it is sent.

use std::io::{self, Read};

use crate::base::{Digest, Hasher, reader_from_fn};
use crate::cache_config::crown::Crown;
use crate::cache_config::model::CacheConfig;
use crate::cache_config::write::{Document, Json};
use crate::object::Payload;

impl CacheConfig {
    /// Returns the manifest of an S3 cache as a request body. It is serialized while it is sent, so it is never in
    /// memory as a whole.
    pub(crate) fn s3_payload(&self, crown: Crown) -> ManifestPayload<'_> {
        let document = Document::new(self, crown);
        let (mut hasher, mut size) = (Hasher::new(), 0);
        let mut json = Json::default();
        for piece in 0..document.pieces() {
            document.write_piece(&mut json, piece, true);
            hasher.update(json.out.as_bytes());
            size += json.out.len() as u64;
            json.out.clear();
        }
        ManifestPayload { document, size, sha256: hasher.finish() }
    }
}

/// The manifest of an S3 cache as a request body.
pub(crate) struct ManifestPayload<'a> {
    document: Document<'a>,
    size: u64,
    sha256: Digest,
}

impl Payload for ManifestPayload<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn sha256(&self) -> io::Result<Digest> {
        Ok(self.sha256)
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut pieces = Pieces { document: &self.document, next: 0, json: Json::default(), read: 0 };
        Ok(reader_from_fn(move |buffer| pieces.read(buffer)))
    }
}

/// Reads the JSON piece by piece.
struct Pieces<'a> {
    document: &'a Document<'a>,
    next: usize,
    /// The current piece, and how much of it has been read.
    json: Json,
    read: usize,
}

impl Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
            let mut left = self.json.out.as_bytes().get(self.read..).unwrap_or_default();
            if left.is_empty() {
                if self.next == self.document.pieces() {
                    break;
                }
                self.json.out.clear();
                self.read = 0;
                self.document.write_piece(&mut self.json, self.next, true);
                self.next += 1;
                continue;
            }
            let read = left.read(room)?;
            self.read += read;
            filled += read;
        }
        Ok(filled)
    }
}
