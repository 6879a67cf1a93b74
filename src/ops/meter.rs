//! The progress of a blob that several threads transfer.

use std::sync::Mutex;

use crate::base::{Action, Digest, Event, Progress, Unpoisoned as _};

/// Adds up the bytes that the threads transfer and reports the sum. The reported numbers never decrease.
pub(super) struct Meter<'a> {
    progress: &'a dyn Progress,
    digest: Digest,
    action: Action,
    total: u64,
    current: Mutex<u64>,
}

impl<'a> Meter<'a> {
    /// Reports the start of work on the blob.
    pub(super) fn start(progress: &'a dyn Progress, digest: &Digest, action: Action, total: u64) -> Self {
        progress.event(&Event::Started { digest, action, total });
        Self { progress, digest: *digest, action, total, current: Mutex::new(0) }
    }

    /// Adds `bytes` and reports the new total.
    pub(super) fn add(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let mut current = self.current.lock().unpoisoned();
        *current += bytes;
        // Reported while holding the lock, to keep the numbers in order.
        self.progress.event(&Event::Advanced { digest: &self.digest, current: *current, total: self.total });
    }

    /// Reports the successful end of work on the blob.
    pub(super) fn finish(&self) {
        self.progress.event(&Event::Finished { digest: &self.digest, action: self.action, total: self.total });
    }
}

/// Measures one part of a blob. Bytes sent again count only once.
pub(super) struct PartMeter<'a> {
    meter: &'a Meter<'a>,
    counted: Mutex<u64>,
}

impl<'a> PartMeter<'a> {
    pub(super) fn new(meter: &'a Meter<'a>) -> Self {
        Self { meter, counted: Mutex::new(0) }
    }

    /// Sets the number of bytes of the part transferred in this attempt.
    pub(super) fn at(&self, bytes: u64) {
        let mut counted = self.counted.lock().unpoisoned();
        self.meter.add(bytes.saturating_sub(*counted));
        *counted = bytes.max(*counted);
    }
}
