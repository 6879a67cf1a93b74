//! How much of its resources the server gives to its clients.

use std::time::Duration;

/// BuildKit opens about four connections for each export or import, and a builder runs several of them. A busy
/// connection takes about 150 KiB, so these fit into 20 MiB.
const CONNECTIONS: usize = 128;
/// Registry clients send less than 4 KiB, with the largest tokens that identity providers issue about 20 KiB.
const HEAD_BYTES: usize = 32 * 1024;
/// Clients send about ten, and proxies add a few.
const HEADERS: usize = 100;
/// Clients send the whole head at once.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// Longer than a client needs to wait for its disk, as nginx allows.
const BODY_STALL: Duration = Duration::from_secs(60);
/// As for bodies: clients write to disk what they receive.
const WRITE_STALL: Duration = Duration::from_secs(60);
/// Go's clients close idle connections after at most 90 seconds. The server waits longer, because a push fails if the
/// connection closes while its request is on the way.
const IDLE: Duration = Duration::from_secs(180);
/// A push that is refused must see why, instead of a reset. One that is still sending after this has not looked.
const LINGER: Duration = Duration::from_secs(2);
/// Less work than a new connection.
const SETTLE_BYTES: u64 = 64 * 1024;
/// The response waits for it.
const SETTLE_TIME: Duration = Duration::from_millis(250);

/// Limits on what clients may use.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Open connections. Further ones get a 503 and are closed.
    pub(crate) connections: usize,
    /// The size of a request's head, including its empty line.
    pub(crate) head_bytes: usize,
    /// The number of headers.
    pub(crate) headers: usize,
    /// How long the whole head may take from its first byte.
    pub(crate) head_time: Duration,
    /// How long a body may make no progress while it is read.
    pub(crate) body_stall: Duration,
    /// How long the client may accept no byte of a response.
    pub(crate) write_stall: Duration,
    /// How long a connection may wait for its next request.
    pub(crate) idle: Duration,
    /// How long the server waits for the client to close the connection after the last response.
    pub(crate) linger: Duration,
    /// How much of an unread body is discarded to keep the connection open.
    pub(crate) settle_bytes: u64,
    /// How long discarding may take.
    pub(crate) settle_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS,
            head_bytes: HEAD_BYTES,
            headers: HEADERS,
            head_time: HEAD_TIME,
            body_stall: BODY_STALL,
            write_stall: WRITE_STALL,
            idle: IDLE,
            linger: LINGER,
            settle_bytes: SETTLE_BYTES,
            settle_time: SETTLE_TIME,
        }
    }
}
