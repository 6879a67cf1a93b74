//! Copies the body of a response from its reader.

use std::io::{self, ErrorKind, Read};

/// Few system calls for each mebibyte, and still in the processor's cache when the kernel copies it.
const COPY_BYTES: usize = 64 * 1024;
/// The kernel's buffers start at a page. If ours did too, its copies would be several times slower: the processor takes
/// a load for dependent on a store with the same lowest twelve bits of the address (4 KiB aliasing).
const PAGE_BYTES: usize = 4096;

/// Copies exactly `size` bytes.
///
/// # Errors
/// If the reader fails or ends early, or the bytes cannot be written.
pub(super) fn copy(
    mut reader: Box<dyn Read + Send>,
    size: u64,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut left = size;
    let mut allocated = vec![0; COPY_BYTES + PAGE_BYTES];
    let misaligned = allocated.as_ptr().addr().wrapping_add(PAGE_BYTES / 2) % PAGE_BYTES;
    let start = (PAGE_BYTES - misaligned) % PAGE_BYTES;
    let buffer = allocated.get_mut(start..).and_then(|rest| rest.get_mut(..COPY_BYTES)).unwrap_or_default();
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(COPY_BYTES);
        let read = match reader.read(buffer.get_mut(..wanted).unwrap_or_default()) {
            Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the body of a response ends early")),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        write(buffer.get(..read).ok_or(ErrorKind::InvalidData)?)?;
        left = left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
    }
    Ok(())
}
