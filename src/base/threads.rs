//! Creates threads only if there is memory for them. Under a limit on the address space (`ulimit -v`), a thread that
//! uses up the rest makes the next allocation of any thread fail, which aborts the process.

use std::hint::black_box;
use std::io;
use std::sync::Mutex;
use std::thread::{self, JoinHandle};

use rustix::process::{Resource, getrlimit};

use super::Unpoisoned as _;

/// Much more than the deepest call chain needs, because the walks over layers and records do not recurse. A quarter of
/// the default.
const STACK_BYTES: usize = 512 * 1024;
/// The address space that must be free before a thread starts, for the thread itself and for those that already run.
/// It is more than the 32 MiB up to which glibc keeps freed memory, so the reservation goes back to the system.
const ROOM_BYTES: usize = 40 * 1024 * 1024;
/// The address space of the process without its threads, with room to spare.
const PROCESS_BYTES: u64 = 128 << 20;
/// The address space of a thread: its stack, and the arena that glibc's allocator reserves for it.
const THREAD_BYTES: u64 = 72 << 20;

/// Returns the number of threads to run, of at most `threads`.
pub(crate) fn affordable_threads(threads: usize) -> usize {
    threads.min(within(getrlimit(Resource::As).current))
}

/// Returns the builder of a thread with a small stack. `RUST_MIN_STACK` keeps its effect.
///
/// # Errors
/// If a limit leaves too little address space for another thread. The caller continues without one.
pub fn thread_builder() -> io::Result<thread::Builder> {
    let mut room = Vec::<u8>::new();
    if black_box(&mut room).try_reserve_exact(ROOM_BYTES).is_err() {
        return Err(io::Error::new(io::ErrorKind::OutOfMemory, "too little memory for another thread (ulimit -v)"));
    }
    let builder = thread::Builder::new();
    Ok(if std::env::var_os("RUST_MIN_STACK").is_some() { builder } else { builder.stack_size(STACK_BYTES) })
}

/// Threads that are joined later.
#[derive(Debug, Default)]
pub(crate) struct JoinedThreads(Mutex<Vec<JoinHandle<()>>>);

impl JoinedThreads {
    /// Starts a thread.
    ///
    /// # Errors
    /// As [`thread_builder`], or if the system refuses.
    pub(crate) fn spawn(&self, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        let thread = thread_builder()?.spawn(work)?;
        let mut threads = self.0.lock().unpoisoned();
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        Ok(())
    }

    /// Waits for all threads, including those started in the meantime.
    pub(crate) fn join(&self) {
        loop {
            let threads = std::mem::take(&mut *self.0.lock().unpoisoned());
            if threads.is_empty() {
                return;
            }
            // The panic hook has already reported a panic.
            threads.into_iter().for_each(|thread| drop(thread.join()));
        }
    }

    /// Returns the number of running threads.
    #[cfg(test)]
    pub(crate) fn running(&self) -> usize {
        self.0.lock().unpoisoned().iter().filter(|thread| !thread.is_finished()).count()
    }
}

/// Returns the number of threads that fit into an address space of that many bytes, at least one.
fn within(limit: Option<u64>) -> usize {
    let fit = limit.map(|bytes| 1 + bytes.saturating_sub(PROCESS_BYTES) / THREAD_BYTES);
    fit.and_then(|fit| usize::try_from(fit).ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limited_address_space_has_room_for_few_threads() {
        for (limit, threads) in [
            (None, 16),
            (Some(1_048_576), 1),
            (Some(209_715_200), 2),
            (Some(629_145_600), 7),
            (Some(17_179_869_184), 16),
        ] {
            assert_eq!(within(limit).min(16), threads, "{limit:?}");
        }
    }
}
