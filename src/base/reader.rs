//! Readers as trait objects.

use std::io::{self, Read};

/// Reads like [`Read::read`].
type ReadFn<'a> = dyn FnMut(&mut [u8]) -> io::Result<usize> + Send + 'a;

struct FromFn<'a>(Box<ReadFn<'a>>);

impl Read for FromFn<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (self.0)(buffer)
    }
}

/// Returns a reader that calls `read`. Every type that is read through a trait object brings a copy of all that
/// [`Read`] provides into the program, 1.3 KB; readers of this function share one.
pub(crate) fn reader_from_fn<'a>(
    read: impl FnMut(&mut [u8]) -> io::Result<usize> + Send + 'a,
) -> Box<dyn Read + Send + 'a> {
    Box::new(FromFn(Box::new(read)))
}
