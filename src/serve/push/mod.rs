//! The push side: uploads of blobs, and manifests.
//!
//! BuildKit asks for each blob, uploads those that are missing with one PUT each, does the same with the config, and
//! then writes the manifest. It waits 30 seconds for each answer and repeats a request that fails, so work that
//! takes longer continues in the background, and the repeated request joins it.

mod blob;
mod body;
mod manifest;
mod stop_by;
mod uploads;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::{Digest, Error, ErrorKind, Result as CrateResult};
use crate::http::server::Response;
use crate::ops::S3Cache;
use crate::ops::push::{Completion, Document, Documents, PushRooms, Pushes, Room, WrongCopies};
use crate::serve::answer::{Code, Refusal, with_digest};
use crate::serve::counters::Counters;
use crate::serve::mount::{LATEST, name_of};
use body::Deadlines;
pub(super) use stop_by::StopBy;
use uploads::Uploads;

/// How long the server waits for work in the background when it ends.
const GRACE: Duration = Duration::from_secs(10);
/// How often a waiting request looks whether the server is stopping.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The state of the pushes to one mount.
pub(super) struct Push {
    pushes: Pushes,
    uploads: Uploads,
    /// The manifests that were pushed, for requests by digest.
    manifests: Documents,
    counters: Arc<Counters>,
    /// The names that every push writes; `None` if they follow from its reference.
    names: Option<Vec<String>>,
    stop_by: StopBy,
}

/// What the pushes to all mounts of a server share.
#[derive(Clone, Debug, Default)]
pub(super) struct PushContext {
    pub(super) rooms: PushRooms,
    pub(super) wrong: WrongCopies,
    pub(super) stop_by: StopBy,
}

impl Push {
    /// Accepts pushes to a cache. `names` are those that every push writes, if they do not follow from its reference.
    pub(super) fn new(
        cache: S3Cache,
        names: Option<Vec<String>>,
        counters: Arc<Counters>,
        context: PushContext,
    ) -> Self {
        let PushContext { rooms, wrong, stop_by } = context;
        Self {
            pushes: Pushes::new(cache, rooms, wrong),
            uploads: Uploads::default(),
            manifests: Documents::default(),
            counters,
            names,
            stop_by,
        }
    }

    /// Returns the size of a blob, or `None` if the store does not have it. An old blob is refreshed in the background.
    pub(super) fn head_blob(&self, digest: &Digest) -> Result<Option<u64>, Refusal> {
        self.begin(None);
        let size = match self.pushes.find(digest) {
            // The client then sends the blob. If that is refused too, the response has a body with the reason.
            Err(error) if error.kind() == ErrorKind::Access => {
                log::info!("cannot look up the blob {digest}: {}", error.chain());
                None
            }
            found => found.map_err(|error| Refusal::failed("cannot look up the blob", &error))?,
        };
        if size.is_some() {
            self.counters.blobs_present.add(1);
        }
        Ok(size)
    }

    /// Returns a config that was pushed as a blob. The store does not have it.
    pub(super) fn document(&self, digest: &Digest) -> Option<Response> {
        self.pushes.documents().get(digest).map(|document| respond(document, digest))
    }

    /// Returns a manifest as it was pushed.
    pub(super) fn manifest(&self, digest: &Digest) -> Option<Response> {
        self.manifests.get(digest).map(|manifest| respond(manifest, digest))
    }

    /// Waits for work in the background, then gives it up. Called once, after the last request.
    pub(super) fn finish(&self) {
        if !self.pushes.wait_until(self.stop_by.end().unwrap_or_else(|| Instant::now() + GRACE)) {
            self.pushes.abandon();
        }
    }

    /// Records that a client has begun a push.
    fn begin(&self, repository: Option<&str>) {
        match (&self.names, repository) {
            (Some(names), _) => self.pushes.begin(names),
            (None, Some(repository)) => self.pushes.begin(&[name_of(repository, LATEST)]),
            (None, None) => {}
        }
    }

    /// Waits for work in the background, at most until `deadline`, or until the server stops.
    fn wait<T: Clone>(&self, completion: &Completion<T>, deadline: Instant) -> Option<CrateResult<T>> {
        loop {
            let next = deadline.min(Instant::now() + LOOK_EVERY);
            let outcome = completion.wait_until(next);
            if outcome.is_some() || next == deadline || self.is_stopping() {
                return outcome;
            }
        }
    }

    /// Waits for room for documents in memory.
    fn document_room(&self, bytes: u64, deadlines: Deadlines) -> Result<Room, Refusal> {
        let late = || Error::network("timed out while other manifests are being written");
        let in_time = || if Instant::now() < deadlines.write && !self.is_stopping() { Ok(()) } else { Err(late()) };
        let room = self.pushes.rooms().documents.take(bytes, in_time);
        room.map_err(|error| Refusal::new(Code::Unavailable, error.chain()).hint("push the manifest again"))
    }

    fn is_stopping(&self) -> bool {
        self.stop_by.is_now() || self.pushes.cache().is_cancelled()
    }
}

fn respond(document: Arc<Document>, digest: &Digest) -> Response {
    let (media_type, size) = (document.media_type.clone(), document.size());
    with_digest(Response::stream(200, &media_type, size, document.into_reader(0)), digest)
}
