//! The pull side: manifests converted from those in the bucket, and blobs.

mod blob;
mod lists;
mod manifest;
mod sent;

use std::sync::Arc;
use std::time::Duration;

use crate::base::Error;
use crate::ops::Resolved;
use crate::serve::counters::Counters;
use crate::serve::flights::Flights;
use crate::store::{ReadAhead, ReadAheadSettings};

/// The documents of a manifest, `None` for a miss, or why it cannot be read.
type Outcome = Result<Option<Arc<Resolved>>, Error>;

/// What all pulls share.
pub(super) struct Pull {
    ahead: ReadAhead,
    flights: Flights<Outcome>,
    counters: Arc<Counters>,
    redirect: bool,
    manifest_timeout: Duration,
}

impl Pull {
    pub(super) fn new(counters: Arc<Counters>, redirect: bool, manifest_timeout: Duration) -> Self {
        let ahead = ReadAhead::new(ReadAheadSettings::default());
        Self { ahead, flights: Flights::default(), counters, redirect, manifest_timeout }
    }

    /// Forgets lookups of a mount that are under way, because its manifests have changed.
    pub(super) fn changed(&self, position: usize) {
        self.flights.forget(position);
    }

    /// Waits until all threads have ended.
    pub(super) fn finish(&self) {
        self.flights.finish();
        self.ahead.join();
    }
}
