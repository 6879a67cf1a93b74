//! How many connections fit into the limit on open files (`ulimit -n`).

use rustix::process::{Resource, getrlimit};

/// The files that the process keeps open besides its connections: standard streams, directories, locks, and room to
/// spare.
const PROCESS_FILES: u64 = 16;
/// The files per connection: a socket, the file that is sent or received over it, and one that is hashed meanwhile.
const CONNECTION_FILES: u64 = 3;

/// Returns the number of connections to use, of at most `connections`.
pub(crate) fn affordable_connections(connections: usize) -> usize {
    getrlimit(Resource::Nofile).current.map_or(connections, |limit| connections.min(within(limit)))
}

fn within(limit: u64) -> usize {
    usize::try_from(limit.saturating_sub(PROCESS_FILES) / CONNECTION_FILES).map_or(usize::MAX, |most| most.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_leaves_at_least_one_connection() {
        for (limit, connections) in [(0, 1), (16, 1), (24, 2), (64, 16), (256, 80), (1024, 336)] {
            assert_eq!(within(limit), connections, "{limit}");
        }
    }
}
