//! Bytes that were received and may be needed again: in memory if they are few, else in a file without a name.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::mem;
use std::os::unix::fs::FileExt;

use crate::base::{Error, Result, reader_from_fn};
use crate::files::unlinked_file;

/// Up to this size, bytes stay in memory. Most configs of small caches fit, and many small layers.
const MEMORY_BYTES: usize = 16 * 1024;

/// Received bytes. They are appended by one thread, and then read by any number.
#[derive(Debug)]
pub(crate) struct Spool {
    data: Data,
    size: u64,
}

#[derive(Debug)]
enum Data {
    Memory(Vec<u8>),
    File(File),
}

impl Spool {
    /// Returns an empty spool.
    pub(crate) fn new() -> Self {
        Self { data: Data::Memory(Vec::new()), size: 0 }
    }

    /// Returns the number of bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Returns whether the first byte is this one.
    pub(crate) fn starts_with(&self, byte: u8) -> bool {
        let mut first = [0];
        self.size > 0 && self.read_at(&mut first, 0).is_ok() && first == [byte]
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`Error::Io`] if the temporary file cannot be written. Then the spool is as before.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Data::Memory(memory) = &mut self.data {
            if memory.len() + bytes.len() <= MEMORY_BYTES {
                memory.extend_from_slice(bytes);
                self.size += bytes.len() as u64;
                return Ok(());
            }
            let file = unlinked_file(&env::temp_dir()).map_err(more_room)?;
            write_at(&file, &mem::take(memory), 0)?;
            self.data = Data::File(file);
        }
        if let Data::File(file) = &self.data {
            write_at(file, bytes, self.size)?;
        }
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Forgets all bytes from `size` on.
    pub(crate) fn truncate(&mut self, size: u64) {
        self.size = self.size.min(size);
        match &mut self.data {
            Data::Memory(memory) => memory.truncate(usize::try_from(self.size).unwrap_or(usize::MAX)),
            // If the file system refuses, the bytes are overwritten or ignored.
            Data::File(file) => drop(file.set_len(self.size)),
        }
    }

    /// Reads bytes at `offset`: fewer than the buffer holds only at the end.
    ///
    /// # Errors
    /// If the temporary file cannot be read.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let buffer = buffer.get_mut(..length).unwrap_or_default();
        match &self.data {
            Data::Memory(memory) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX);
                memory.get(start..).unwrap_or_default().read(buffer)
            }
            Data::File(file) => file.read_at(buffer, offset),
        }
    }

    /// Returns a reader that begins at `offset`.
    pub(crate) fn reader(&self, mut offset: u64) -> Box<dyn Read + Send + '_> {
        reader_from_fn(move |buffer| self.read_on(buffer, &mut offset))
    }

    /// Same as [`read_at`](Self::read_at), and advances the offset.
    pub(super) fn read_on(&self, buffer: &mut [u8], offset: &mut u64) -> io::Result<usize> {
        let read = self.read_at(buffer, *offset)?;
        *offset += read as u64;
        Ok(read)
    }

    /// Reads everything into memory.
    ///
    /// # Errors
    /// [`Error::Io`] if the temporary file cannot be read.
    pub(crate) fn to_vec(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
        let read = self.reader(0).read_to_end(&mut bytes);
        read.map_err(|error| Error::io("read a temporary file in", env::temp_dir(), error))?;
        Ok(bytes)
    }
}

fn write_at(file: &File, bytes: &[u8], offset: u64) -> Result<()> {
    let written = file.write_all_at(bytes, offset);
    written.map_err(|error| more_room(Error::io("write a temporary file in", env::temp_dir(), error)))
}

fn more_room(error: Error) -> Error {
    error.with_hint("set TMPDIR to a directory with more room")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_same_in_memory_and_in_a_file() {
        for size in [0, 1, MEMORY_BYTES, MEMORY_BYTES + 1, 3 * MEMORY_BYTES] {
            let bytes: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let mut spool = Spool::new();
            bytes.chunks(1000).for_each(|chunk| spool.write(chunk).unwrap());
            assert_eq!(spool.size(), size as u64);
            assert_eq!(spool.to_vec().unwrap(), bytes);
            assert_eq!(matches!(spool.data, Data::File(_)), size > MEMORY_BYTES);
            let mut tail = Vec::new();
            spool.reader(size as u64 / 2).read_to_end(&mut tail).unwrap();
            assert_eq!(tail, &bytes[size / 2..]);
            spool.truncate(size as u64 / 3);
            spool.write(b"end").unwrap();
            assert_eq!(spool.to_vec().unwrap(), [&bytes[..size / 3], b"end"].concat());
        }
    }
}
