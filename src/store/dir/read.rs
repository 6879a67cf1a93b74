//! Opens an object, or a range of one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use crate::base::{Error, Result, reader_from_fn};
use crate::files::OpenedFile;
use crate::object::{GetOptions, Object};
use crate::store::dir::bucket::{DirStore, version};

impl DirStore {
    pub(super) fn read(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        let Some((OpenedFile { mut file, meta }, path)) = self.open(key)? else { return Ok(None) };
        let (size, version) = (meta.len(), version(&meta));
        if options.if_match.as_ref().is_some_and(|wanted| *wanted != version) {
            return Err(Error::precondition_failed(format!("{} has changed", path.display())));
        }
        let mut left = size;
        if let Some(range) = &options.range {
            if range.start >= size {
                let message =
                    format!("{} has only {size} bytes, and the range starts at {}", path.display(), range.start);
                return Err(Error::invalid_range(message));
            }
            left = range.end.min(size).saturating_sub(range.start);
            file.seek(SeekFrom::Start(range.start)).map_err(|error| Error::io("read", &path, error))?;
        }
        Ok(Some(Object::new(size, Some(version), exactly(file, left))))
    }
}

/// Returns a reader of exactly the next `left` bytes of the file.
fn exactly(mut file: File, mut left: u64) -> Box<dyn Read + Send> {
    reader_from_fn(move |buffer| {
        let window = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = file.read(buffer.get_mut(..window).unwrap_or_default())?;
        if read == 0 && window > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was cut while it was read"));
        }
        left = left.saturating_sub(read as u64);
        Ok(read)
    })
}
