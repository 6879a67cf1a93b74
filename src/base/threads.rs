//! Creates threads only if there is memory for them. Under a limit on the address space (`ulimit -v`), a thread that
//! uses up the rest makes the next allocation of any thread fail, which aborts the process.

use std::fs;
use std::hint::black_box;
use std::io;
use std::thread;

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
    // Only Linux has this file.
    fs::read_to_string("/proc/self/limits").map_or(threads, |limits| within(&limits, threads))
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

fn within(limits: &str, threads: usize) -> usize {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"));
    let limit = line.and_then(|line| line.split_whitespace().next()).and_then(|soft| soft.parse::<u64>().ok());
    let fit = limit.map(|bytes| 1 + bytes.saturating_sub(PROCESS_BYTES) / THREAD_BYTES);
    fit.and_then(|fit| usize::try_from(fit).ok()).map_or(threads, |fit| threads.min(fit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limited_address_space_has_room_for_few_threads() {
        for (limit, threads) in
            [("unlimited", 16), ("1048576", 1), ("209715200", 2), ("629145600", 7), ("17179869184", 16)]
        {
            let limits = format!(
                "Limit                     Soft Limit           Hard Limit           Units     \n\
                 Max cpu time              5                    5                    seconds   \n\
                 Max address space         {limit:<20} unlimited            bytes     \n"
            );
            assert_eq!(within(&limits, 16), threads, "{limit}");
        }
        assert_eq!(within("", 16), 16);
    }
}
