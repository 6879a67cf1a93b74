//! The pull side: manifests that are made from those in the bucket, and blobs.

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

/// What a manifest is made from, or why there is none.
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

    /// Takes note that the manifests of a mount have changed.
    pub(super) fn changed(&self, position: usize) {
        self.flights.forget(position);
    }

    /// Waits until all threads have ended.
    pub(super) fn finish(&self) {
        self.flights.finish();
        self.ahead.join();
    }
}
