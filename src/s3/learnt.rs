//! What a client has learnt about its server: the region of the bucket, the server's clock, and which features it has
//! or lacks. It is shared by all calls.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::SystemTime;

use crate::base::Unpoisoned as _;
use crate::s3::clock::difference;
use crate::s3::endpoint::Endpoint;

/// The lead of a clock that is not known.
const UNKNOWN: i64 = i64::MAX;

/// What a client has learnt about its server.
pub(super) struct Learnt {
    /// The endpoint of the bucket, as far as known.
    endpoint: RwLock<Arc<Endpoint>>,
    /// Whether the endpoint has been moved to another region.
    moved: Fact,
    /// How many seconds the server's clock is ahead of ours; zero until a wrong clock is detected.
    ahead: AtomicI64,
    /// How many seconds the server's clock was ahead of ours at its last response; [`UNKNOWN`] before the first.
    lead: AtomicI64,
    /// Whether the server accepted the last body, or the call that announces an upload: then it will not refuse the
    /// next one for a reason known before the body is sent.
    pub(super) accepts_bodies: Fact,
    /// Whether the server, or a proxy, has answered `Expect: 100-continue` with 417.
    pub(super) expects_nothing: Fact,
    /// Whether the server requires checksums on writes.
    pub(super) wants_checksums: Fact,
    /// Whether the bucket has been listed: then a 403 for an object is not caused by a missing list permission.
    pub(super) may_list: Fact,
    /// Whether the server has refused a part copy as unsupported.
    pub(super) copies_no_parts: Fact,
}

/// A fact that any thread may record.
#[derive(Debug, Default)]
pub(super) struct Fact(AtomicBool);

impl Fact {
    /// Returns whether the fact holds, as far as known.
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Records whether the fact holds.
    pub(super) fn set(&self, holds: bool) {
        self.0.store(holds, Ordering::Relaxed);
    }
}

impl Learnt {
    /// Returns what is known before the first request: the configured endpoint.
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint: RwLock::new(Arc::new(endpoint)),
            moved: Fact::default(),
            ahead: AtomicI64::new(0),
            lead: AtomicI64::new(UNKNOWN),
            accepts_bodies: Fact::default(),
            expects_nothing: Fact::default(),
            wants_checksums: Fact::default(),
            may_list: Fact::default(),
            copies_no_parts: Fact::default(),
        }
    }

    /// Returns the endpoint of the bucket, as far as known.
    pub(super) fn endpoint(&self) -> Arc<Endpoint> {
        self.endpoint.read().unpoisoned().clone()
    }

    /// Moves the endpoint away from the region `before`, at most once: a server that sends us back and forth is not
    /// followed. Returns whether it is in another region now, also if another call has moved it.
    pub(super) fn move_endpoint(&self, before: &str, to: impl FnOnce(&Endpoint) -> Option<Endpoint>) -> bool {
        let mut endpoint = self.endpoint.write().unpoisoned();
        if endpoint.region != before {
            return true;
        }
        if self.moved.get() {
            return false;
        }
        let Some(other) = to(&endpoint) else { return false };
        self.moved.set(true);
        *endpoint = Arc::new(other);
        true
    }

    /// Returns how many seconds the server's clock was ahead of ours at its last response. Unlike
    /// [`ahead`](Self::ahead), it is not corrected for the time that the response took.
    pub(super) fn lead(&self) -> Option<i64> {
        Some(self.lead.load(Ordering::Relaxed)).filter(|lead| *lead != UNKNOWN)
    }

    /// Records the time of the server in a response that has just arrived.
    pub(super) fn note_date(&self, date: SystemTime, now: SystemTime) {
        if let Some(lead) = difference(date, now) {
            self.lead.store(lead, Ordering::Relaxed);
        }
    }

    /// Returns how many seconds the server's clock is ahead of ours.
    pub(super) fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// Records how many seconds the server's clock is ahead of ours.
    pub(super) fn set_ahead(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::Relaxed);
    }
}
