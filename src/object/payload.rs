//! Bytes to be written, which can be read repeatedly.

use std::io::{self, Cursor, Read};

use crate::base::Digest;

/// A request body of known length and hash, which can be read repeatedly.
pub trait Payload: Send + Sync {
    /// Returns the number of bytes; [`open`](Self::open) must yield exactly as many.
    fn size(&self) -> u64;

    /// Returns the SHA-256 of the bytes: the payload hash of the request. It may have to read the bytes, so a store
    /// calls this only if it uses the hash.
    ///
    /// # Errors
    /// If the bytes cannot be read.
    fn sha256(&self) -> io::Result<Digest>;

    /// Opens the payload at its first byte, for one attempt.
    ///
    /// # Errors
    /// If the bytes cannot be read.
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>>;
}

/// A payload in memory.
#[derive(Clone, Debug)]
pub struct BytesPayload {
    bytes: Vec<u8>,
    sha256: Digest,
}

impl BytesPayload {
    /// Takes the bytes and hashes them.
    pub fn new(bytes: Vec<u8>) -> Self {
        let sha256 = Digest::of(&bytes);
        Self { bytes, sha256 }
    }
}

impl Payload for BytesPayload {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn sha256(&self) -> io::Result<Digest> {
        Ok(self.sha256)
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Cursor::new(self.bytes.as_slice())))
    }
}
