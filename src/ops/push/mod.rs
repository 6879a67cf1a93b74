//! Push: takes blobs and manifests from clients of a registry, and writes them to the store.
//!
//! A blob goes to the store while it is received. Large ones are sent in parts, and each part is kept in a temporary
//! file until it was sent. No blob becomes visible before its digest has been checked. Work that takes longer than a
//! client waits continues in the background, and the client's next attempt joins it.

mod again;
mod budget;
mod completion;
mod deliver;
mod documents;
mod incoming;
mod publication;
mod publish;
mod spool;
mod state;
mod touches;
mod upload;
mod workers;
mod wrong_copies;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::{Digest, Error, Result};
use crate::object::ObjectStore;
use crate::ops::cache::S3Cache;
use crate::ops::export::plan;
use crate::ops::persist::persist;
#[cfg(test)]
use budget::Budget;
pub(crate) use budget::Room;
pub(crate) use completion::Completion;
pub(crate) use documents::{Document, Documents, OCTETS};
pub(crate) use publication::{Missing, Publication, Published};
pub(crate) use spool::Spool;
pub(crate) use state::PushRooms;
use state::PushState;
pub(crate) use upload::{BlobUpload, Finished};
use workers::Workers;
pub(crate) use wrong_copies::WrongCopies;

/// How long a failed look-up is repeated: the client waits for it.
const LOOK_UP_FOR: Duration = Duration::from_secs(8);

/// The pushes to one cache. Dropping it waits for work in the background, which the cache's cancel handle interrupts.
#[derive(Debug)]
pub(crate) struct Pushes {
    shared: Arc<PushState>,
    workers: Workers,
}

impl Pushes {
    /// Accepts pushes for a cache. `rooms` are shared by all caches of the process. Blobs with a copy in `wrong` that
    /// is corrupt have to be pushed again.
    pub(crate) fn new(cache: S3Cache, rooms: PushRooms, wrong: WrongCopies) -> Self {
        cache.store.expect_writes();
        let workers = Workers::new();
        Self { shared: Arc::new(PushState::new(cache, rooms, wrong, workers.spawner())), workers }
    }

    /// Returns the cache.
    pub(crate) fn cache(&self) -> &S3Cache {
        &self.shared.cache
    }

    /// Returns the limits that all caches of the process share.
    pub(crate) fn rooms(&self) -> &PushRooms {
        &self.shared.rooms
    }

    /// Returns the documents that were pushed as blobs.
    pub(crate) fn documents(&self) -> &Documents {
        &self.shared.documents
    }

    /// Records that a client has begun to push to one of these names. With `on_conflict=merge`, refreshes what their
    /// manifests need. Does not wait.
    pub(crate) fn begin(&self, names: &[String]) {
        self.shared.begin(names);
    }

    /// Returns the size of a blob, or `None` if a client has to push it. An old blob is refreshed in the background.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub(crate) fn find(&self, digest: &Digest) -> Result<Option<u64>> {
        let shared = &self.shared;
        if let Some(size) = shared.documents.size(digest) {
            return Ok(Some(size));
        }
        if shared.is_lost(digest) {
            return Ok(None);
        }
        let cache = &shared.cache;
        let key = cache.keys.blob(digest);
        let began = Instant::now();
        let may_recover = |error: &Error| error.is_transient() && began.elapsed() < LOOK_UP_FOR;
        let meta = persist(&cache.context, may_recover, || cache.store.head(&key))?;
        let Some(meta) = meta.filter(|meta| meta.readable) else {
            shared.is_absent(digest);
            return Ok(None);
        };
        let size = meta.size;
        for job in plan(cache, &[(*digest, size)], [(*digest, meta)].into(), false) {
            shared.refresh(job);
        }
        Ok(Some(size))
    }

    /// Returns whether the store itself has the blob, and not only this server.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub(crate) fn is_stored(&self, digest: &Digest) -> Result<bool> {
        Ok(self.shared.documents.size(digest).is_none() && self.find(digest)?.is_some())
    }

    /// Begins to receive a blob of `size` bytes.
    ///
    /// # Errors
    /// [`Error::Usage`] if no store could hold it.
    pub(crate) fn receive(&self, digest: Digest, size: u64) -> Result<BlobUpload> {
        BlobUpload::begin(self.shared.clone(), digest, size)
    }

    /// Sends a blob that was received as a whole, and whose digest was checked. `rooms` are returned afterwards.
    ///
    /// # Errors
    /// [`Error::Usage`] if no store could hold it.
    pub(crate) fn send(
        &self,
        digest: Digest,
        blob: Spool,
        rooms: (Option<Room>, Option<Room>),
    ) -> Result<Arc<Completion<()>>> {
        upload::send(&self.shared, digest, blob, rooms)
    }

    /// Returns the completion of a blob that was received and is on its way to the store, or was in this session.
    pub(crate) fn delivery(&self, digest: &Digest) -> Option<Arc<Completion<()>>> {
        self.shared.delivery(digest)
    }

    /// Returns how long a client waits for an answer, and when its manifest is written at the latest.
    pub(crate) fn deadlines(&self) -> (Duration, Duration) {
        let tuning = &self.shared.cache.tuning;
        (tuning.answer_within, tuning.write_within)
    }

    /// Begins to write a manifest.
    ///
    /// # Errors
    /// If no thread can be started.
    pub(crate) fn publish(&self, publication: Publication) -> Result<Arc<Completion<Published>>> {
        publish::start(&self.shared, publication)
    }

    /// Returns the publication of the same manifest under the same names that is under way.
    pub(crate) fn publication(&self, manifest: &Digest, names: &[String]) -> Option<Arc<Completion<Published>>> {
        self.shared.publication(manifest, names)
    }

    /// Cancels pending refreshes and deliveries to the store.
    pub(crate) fn abandon(&self) {
        self.shared.abandon();
    }

    /// Waits for work in the background, at most until `deadline`. Returns whether all of it is done.
    pub(crate) fn wait_until(&self, deadline: Instant) -> bool {
        self.workers.wait_until(deadline)
    }
}
