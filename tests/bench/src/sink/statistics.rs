//! The counts of the sink.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use serde_json::{Value, json};

#[derive(Default)]
pub(super) struct Statistics {
    requests: AtomicU64,
    connections: AtomicU64,
    /// The longest chain of requests in which each began after the previous one was answered.
    depth: AtomicU64,
    /// The connections that are open now.
    open: AtomicU64,
    /// The bytes of bodies, in both directions.
    moved: AtomicU64,
}

impl Statistics {
    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, SeqCst);
        self.open.fetch_add(1, SeqCst);
    }

    pub(super) fn disconnected(&self) {
        self.open.fetch_sub(1, SeqCst);
    }

    pub(super) fn moved(&self, bytes: usize) {
        self.moved.fetch_add(bytes as u64, SeqCst);
    }

    /// Counts a request and returns its position in the chain.
    pub(super) fn begin(&self) -> u64 {
        self.requests.fetch_add(1, SeqCst);
        self.depth.load(SeqCst) + 1
    }

    /// Records a response that the client may have waited for.
    pub(super) fn end(&self, link: u64) {
        self.depth.fetch_max(link, SeqCst);
    }

    pub(super) fn reset(&self) {
        for count in [&self.requests, &self.connections, &self.depth, &self.moved] {
            count.store(0, SeqCst);
        }
    }

    pub(super) fn json(&self, objects: usize, bytes: u64) -> Value {
        let of = |count: &AtomicU64| count.load(SeqCst);
        json!({
            "requests": of(&self.requests),
            "connections": of(&self.connections),
            "depth": of(&self.depth),
            "open": of(&self.open),
            "moved": of(&self.moved),
            "objects": objects,
            "bytes": bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrent_requests_are_one_link() {
        let statistics = Statistics::default();
        let (first, second) = (statistics.begin(), statistics.begin());
        statistics.end(first);
        statistics.end(second);
        let third = statistics.begin();
        statistics.end(third);
        let json = statistics.json(0, 0);
        assert_eq!((&json["requests"], &json["depth"]), (&json!(3), &json!(2)));
    }
}
