//! How many threads fit into a limited address space (`ulimit -v`): a thread that has taken the last of it makes the next
//! allocation of any thread fail, which aborts the process.

use std::fs;

/// What the process takes apart from its threads, with room to spare.
const PROCESS_BYTES: u64 = 128 << 20;
/// A thread's stack, and the arena that glibc's allocator reserves for it.
const THREAD_BYTES: u64 = 72 << 20;

/// The number of threads to run, of at most `threads`.
pub(super) fn affordable(threads: usize) -> usize {
    // Only Linux has this file.
    fs::read_to_string("/proc/self/limits").map_or(threads, |limits| within(&limits, threads))
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
