//! How far a blob is that several threads move.

use std::sync::{Mutex, PoisonError};

use crate::base::{Action, Digest, Event, Progress};

/// Adds up what the threads move, and tells it. What it tells never goes back.
pub(super) struct Meter<'a> {
    progress: &'a dyn Progress,
    digest: Digest,
    action: Action,
    total: u64,
    current: Mutex<u64>,
}

impl<'a> Meter<'a> {
    /// Tells that work on the blob begins.
    pub(super) fn start(progress: &'a dyn Progress, digest: &Digest, action: Action, total: u64) -> Self {
        progress.event(&Event::Started { digest, action, total });
        Self { progress, digest: *digest, action, total, current: Mutex::new(0) }
    }

    /// So many more bytes are through.
    pub(super) fn add(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current += bytes;
        // Told under the lock, so that the numbers come in their order.
        self.progress.event(&Event::Advanced { digest: &self.digest, current: *current, total: self.total });
    }

    /// Tells that work on the blob ended well.
    pub(super) fn finish(&self) {
        self.progress.event(&Event::Finished { digest: &self.digest, action: self.action, total: self.total });
    }
}

/// One part of a blob: what is sent once more counts only once.
pub(super) struct PartMeter<'a> {
    meter: &'a Meter<'a>,
    counted: Mutex<u64>,
}

impl<'a> PartMeter<'a> {
    pub(super) fn new(meter: &'a Meter<'a>) -> Self {
        Self { meter, counted: Mutex::new(0) }
    }

    /// So many bytes of the part are through by now, in this attempt.
    pub(super) fn at(&self, bytes: u64) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        self.meter.add(bytes.saturating_sub(*counted));
        *counted = bytes.max(*counted);
    }
}
