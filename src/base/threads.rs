//! New threads, where the system has room for them.

use std::hint::black_box;
use std::io;
use std::thread;

/// Far more than the deepest of our calls takes, and a quarter of the default: the walks over layers and records do not
/// recurse.
const STACK_BYTES: usize = 512 * 1024;
/// What has to be free before a thread starts. A new thread that finds no memory for itself ends the process, and what
/// those that run need must not run out because of one more. More than the 32 MiB up to which glibc keeps freed memory
/// for itself: this goes back to the system.
const ROOM_BYTES: usize = 40 * 1024 * 1024;

/// Returns the builder of a thread with a small stack. `RUST_MIN_STACK` keeps its effect.
///
/// # Errors
/// When a limit leaves too little address space for another thread: the caller can do without one.
pub fn thread_builder() -> io::Result<thread::Builder> {
    let mut room = Vec::<u8>::new();
    if black_box(&mut room).try_reserve_exact(ROOM_BYTES).is_err() {
        return Err(io::Error::new(io::ErrorKind::OutOfMemory, "too little memory for another thread (ulimit -v)"));
    }
    let builder = thread::Builder::new();
    Ok(if std::env::var_os("RUST_MIN_STACK").is_some() { builder } else { builder.stack_size(STACK_BYTES) })
}
