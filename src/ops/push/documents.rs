//! What the server keeps instead of storing it: configs, which look like blobs to a client, and manifests.

use std::collections::{HashMap, VecDeque};
use std::io::Read;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use crate::base::{Digest, Error, Result, Unpoisoned as _, reader_from_fn};
use crate::object::BlobSource;
use crate::ops::push::spool::Spool;

/// How many documents are kept, and how many bytes of them. Each may be an open file.
const MOST: usize = 64;
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// The media type of every blob: registries do not know what a blob holds.
pub(crate) const OCTETS: &str = "application/octet-stream";

/// A document and its media type.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) media_type: String,
    bytes: Spool,
}

/// Documents by digest. The oldest are forgotten when there are too many.
#[derive(Debug, Default)]
pub(crate) struct Documents(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    documents: HashMap<Digest, Arc<Document>>,
    /// In the order in which they were kept last.
    order: VecDeque<Digest>,
    bytes: u64,
}

impl Documents {
    /// Keeps a document, whose digest was checked.
    pub(crate) fn insert(&self, digest: Digest, media_type: &str, bytes: Spool) {
        let document = Document { media_type: media_type.to_owned(), bytes };
        let mut state = self.0.lock().unpoisoned();
        state.forget(&digest);
        state.bytes += document.size();
        state.documents.insert(digest, Arc::new(document));
        state.order.push_back(digest);
        while state.documents.len() > MOST || (state.bytes > MOST_BYTES && state.documents.len() > 1) {
            let Some(oldest) = state.order.front().copied() else { break };
            state.forget(&oldest);
        }
    }

    /// Returns a document.
    pub(crate) fn get(&self, digest: &Digest) -> Option<Arc<Document>> {
        self.0.lock().unpoisoned().documents.get(digest).cloned()
    }

    /// Returns the size of a document in bytes.
    pub(crate) fn size(&self, digest: &Digest) -> Option<u64> {
        self.get(digest).map(|document| document.size())
    }
}

impl State {
    fn forget(&mut self, digest: &Digest) {
        if let Some(document) = self.documents.remove(digest) {
            self.bytes -= document.size();
            self.order.retain(|kept| kept != digest);
        }
    }
}

impl Deref for Document {
    type Target = Spool;

    fn deref(&self) -> &Spool {
        &self.bytes
    }
}

impl Document {
    /// Returns a reader that begins at `offset`, and keeps the document.
    pub(crate) fn into_reader(self: Arc<Self>, mut offset: u64) -> Box<dyn Read + Send> {
        reader_from_fn(move |buffer| self.read_on(buffer, &mut offset))
    }
}

/// A layer may look like a document. It is sent when a manifest refers to it.
impl BlobSource for Documents {
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.size(digest))
    }

    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>> {
        self.open_blob_at(digest, 0)
    }

    fn open_blob_at(&self, digest: &Digest, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
        let document = self.get(digest).ok_or_else(|| Error::integrity(format!("the blob {digest} is gone")))?;
        Ok(document.into_reader(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_documents_are_forgotten() {
        let (kept, digest) = (Documents::default(), |number: usize| Digest::of(&number.to_be_bytes()));
        for number in 0..=MOST {
            let mut bytes = Spool::new();
            bytes.write(b"{}").unwrap();
            kept.insert(digest(number), "json", bytes);
            // Keeping it again makes it the newest.
            if number == 1 {
                kept.insert(digest(0), "json", Spool::new());
            }
        }
        assert_eq!(kept.size(&digest(1)), None);
        assert_eq!(kept.size(&digest(0)), Some(0));
        assert_eq!(kept.size(&digest(MOST)), Some(2));
        assert_eq!(kept.get(&digest(MOST)).unwrap().media_type, "json");
        assert_eq!(kept.0.lock().unwrap().order.len(), MOST);
    }
}
