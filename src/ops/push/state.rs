//! The state that the pushes to one cache share, also with their work in the background.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use crate::base::{Digest, Error, Result, Unpoisoned as _};
use crate::config::OnConflict;
use crate::object::ObjectStore;
use crate::ops::cache::S3Cache;
use crate::ops::export::{Job, Step, plan};
use crate::ops::manifests::{Before, load_name};
use crate::ops::presence;
use crate::ops::push::budget::Budget;
use crate::ops::push::completion::Completion;
use crate::ops::push::documents::Documents;
use crate::ops::push::incoming::Incoming;
use crate::ops::push::publication::Published;
use crate::ops::push::touches::TouchQueue;
use crate::ops::push::workers::Spawner;
use crate::ops::push::wrong_copies::WrongCopies;

/// Enough for two parts of each connection at most parallelisms. The parts are files, and mostly in the page cache.
const PART_BYTES: u64 = 256 * 1024 * 1024;
/// Clients that send a blob in pieces need room for all of it.
const WHOLE_BYTES: u64 = 16 * 1024 * 1024 * 1024;
const FILES: u64 = 100;
/// A manifest and its config take up to eight times their size in memory while they are converted.
const DOCUMENT_BYTES: u64 = 4 * 1024 * 1024;
/// How long a blob that was written counts as present without asking the store: a client repeats a request at once.
const DELIVERED: Duration = Duration::from_secs(120);
/// How many digests are remembered.
const MOST_REMEMBERED: usize = 100_000;

/// The limits that all caches of a process share.
#[derive(Clone, Debug)]
pub(crate) struct PushRooms {
    /// For parts of blobs that are being received.
    pub(crate) parts: Arc<Budget>,
    /// For blobs that are sent in pieces, and are received as a whole first.
    pub(crate) wholes: Arc<Budget>,
    /// For the number of these blobs, each of which is an open file.
    pub(crate) files: Arc<Budget>,
    /// For documents that are being converted.
    pub(crate) documents: Arc<Budget>,
}

impl Default for PushRooms {
    fn default() -> Self {
        Self {
            parts: Budget::new(PART_BYTES),
            wholes: Budget::new(WHOLE_BYTES),
            files: Budget::new(FILES),
            documents: Budget::new(DOCUMENT_BYTES),
        }
    }
}

/// The manifests that are being written, by their digest and names.
type Publications = HashMap<(Digest, Vec<String>), Arc<Completion<Published>>>;

pub(super) struct PushState {
    pub(super) cache: S3Cache,
    pub(super) rooms: PushRooms,
    pub(super) spawner: Spawner,
    pub(super) documents: Documents,
    pub(super) touches: TouchQueue,
    /// What was received and is on its way to the store.
    deliveries: Mutex<HashMap<Digest, Arc<Completion<()>>>>,
    /// What is being received, or sent afterwards.
    incoming: Mutex<Vec<Weak<Incoming>>>,
    publications: Mutex<Publications>,
    /// What was written to the store, and when.
    delivered: Mutex<HashMap<Digest, Instant>>,
    /// Blobs that a manifest needed and the store did not have, although it may say so.
    lost: Mutex<HashSet<Digest>>,
    wrong: WrongCopies,
    /// Whether a push has begun, and what was under its names before.
    begun: AtomicBool,
    before: Mutex<HashMap<String, Before>>,
}

impl PushState {
    pub(super) fn new(cache: S3Cache, rooms: PushRooms, wrong: WrongCopies, spawner: Spawner) -> Self {
        Self {
            touches: TouchQueue::new(cache.store.connections()),
            cache,
            rooms,
            spawner,
            documents: Documents::default(),
            deliveries: Mutex::default(),
            incoming: Mutex::default(),
            publications: Mutex::default(),
            delivered: Mutex::default(),
            lost: Mutex::default(),
            wrong,
            begun: AtomicBool::new(false),
            before: Mutex::default(),
        }
    }

    /// Refreshes a blob in the background, if that is its next step.
    pub(super) fn refresh(self: &Arc<Self>, job: Job) {
        if job.step != Step::Touch || !self.touches.add(job) {
            return;
        }
        let shared = self.clone();
        if let Err(error) = self.spawner.start(move || shared.touches.work(&shared.cache)) {
            log::info!("cannot start a thread to refresh blobs: {error}");
            self.touches.not_started();
        }
    }

    pub(super) fn begin(self: &Arc<Self>, names: &[String]) {
        let on_conflict = self.cache.options.policy().on_conflict;
        if on_conflict == OnConflict::Overwrite || names.is_empty() || self.begun.swap(true, Ordering::Relaxed) {
            return;
        }
        let (shared, names) = (self.clone(), names.to_vec());
        let look = move || {
            for name in names {
                if let Err(error) = shared.look_at(&name, on_conflict) {
                    log::info!("cannot read the manifest {name} before the push: {error}");
                }
            }
        };
        if let Err(error) = self.spawner.start(look) {
            log::info!("cannot start a thread to read manifests: {error}");
        }
    }

    /// Looks at what is under a name when a push begins.
    fn look_at(self: &Arc<Self>, name: &str, on_conflict: OnConflict) -> Result<()> {
        let cache = &self.cache;
        if on_conflict == OnConflict::Fail {
            let before = Before::of(cache.store.head(&cache.keys.manifest(name))?);
            self.before.lock().unpoisoned().insert(name.to_owned(), before);
            return Ok(());
        }
        // Others need the room sooner. The blobs are refreshed when the manifest is written, too.
        let Some(room) = self.rooms.documents.try_take(self.rooms.documents.limit()) else { return Ok(()) };
        let blobs = load_name(cache, name.to_owned())?.map(|found| found.config.blobs());
        drop(room);
        let blobs = blobs.unwrap_or_default();
        let present = presence::find(cache, &blobs)?;
        plan(cache, &blobs, present, false).into_iter().for_each(|job| self.refresh(job));
        Ok(())
    }

    /// Returns what was under a name when the push began, and forgets it.
    pub(super) fn take_before(&self, name: &str) -> Option<Before> {
        self.before.lock().unpoisoned().remove(name)
    }

    /// Records that a push has ended.
    pub(super) fn end(&self) {
        self.begun.store(false, Ordering::Relaxed);
    }

    /// Returns whether clients have to push the blob again, although the store may say that it has it.
    pub(super) fn is_lost(&self, digest: &Digest) -> bool {
        self.lost.lock().unpoisoned().contains(digest) || self.wrong.has_corrupt(digest)
    }

    /// Remembers that clients have to push these blobs again.
    pub(super) fn lose(&self, digests: impl IntoIterator<Item = Digest>) {
        let mut lost = self.lost.lock().unpoisoned();
        let mut delivered = self.delivered.lock().unpoisoned();
        for digest in digests {
            delivered.remove(&digest);
            if lost.len() < MOST_REMEMBERED {
                lost.insert(digest);
            }
        }
    }

    /// Records that the store does not have a blob.
    pub(super) fn is_absent(&self, digest: &Digest) {
        self.delivered.lock().unpoisoned().remove(digest);
        // A delivery that has just ended may still be listed.
        let mut deliveries = self.deliveries.lock().unpoisoned();
        if deliveries.get(digest).is_some_and(|delivery| delivery.is_done()) {
            deliveries.remove(digest);
        }
    }

    /// Remembers that the store has a blob.
    pub(super) fn stored(&self, digest: &Digest) {
        self.lost.lock().unpoisoned().remove(digest);
        self.wrong.forget(digest);
        self.touches.uploaded(digest);
        let mut delivered = self.delivered.lock().unpoisoned();
        if delivered.len() >= MOST_REMEMBERED {
            delivered.retain(|_, at| at.elapsed() < DELIVERED);
        }
        delivered.insert(*digest, Instant::now());
    }

    /// Remembers a blob that is on its way to the store.
    pub(super) fn watch(&self, blob: &Arc<Incoming>) {
        let mut incoming = self.incoming.lock().unpoisoned();
        incoming.retain(|blob| blob.strong_count() > 0);
        incoming.push(Arc::downgrade(blob));
    }

    /// Gives up what is on its way to the store.
    pub(super) fn abandon(&self) {
        self.touches.abandon();
        for blob in std::mem::take(&mut *self.incoming.lock().unpoisoned()) {
            if let Some(blob) = blob.upgrade() {
                blob.fail(Error::Cancelled);
            }
        }
    }

    /// Makes a delivery known, so that repeated requests join it.
    pub(super) fn announce(&self, digest: Digest, completion: &Arc<Completion<()>>) {
        let mut deliveries = self.deliveries.lock().unpoisoned();
        if !completion.is_done() {
            deliveries.insert(digest, completion.clone());
        }
    }

    /// Ends a delivery.
    pub(super) fn delivered(&self, digest: &Digest, completion: &Arc<Completion<()>>, outcome: Result<()>) {
        match &outcome {
            Ok(()) => self.stored(digest),
            Err(error) => log::info!("the blob {digest} was not stored: {error}"),
        }
        completion.complete(outcome);
        let mut deliveries = self.deliveries.lock().unpoisoned();
        if deliveries.get(digest).is_some_and(|announced| Arc::ptr_eq(announced, completion)) {
            deliveries.remove(digest);
        }
    }

    pub(super) fn delivery(&self, digest: &Digest) -> Option<Arc<Completion<()>>> {
        let delivery = self.deliveries.lock().unpoisoned().get(digest).cloned();
        // A client may repeat a failed request before this thread forgets the failure.
        if let Some(delivery) = delivery.filter(|delivery| !delivery.has_failed()) {
            return Some(delivery);
        }
        let delivered = self.delivered.lock().unpoisoned().get(digest).is_some_and(|at| at.elapsed() < DELIVERED);
        let stored = delivered && !self.wrong.has_corrupt(digest);
        (stored || self.documents.size(digest).is_some()).then(|| Arc::new(Completion::done(())))
    }

    /// Makes a publication known. Returns its completion, and whether it is new and not under way already.
    pub(super) fn announce_publication(
        &self,
        manifest: Digest,
        names: &[String],
    ) -> (Arc<Completion<Published>>, bool) {
        let mut publications = self.publications.lock().unpoisoned();
        let key = (manifest, names.to_vec());
        if let Some(under_way) = publications.get(&key).filter(|publication| !publication.is_done()) {
            return (under_way.clone(), false);
        }
        let completion = Arc::<Completion<Published>>::default();
        publications.insert(key, completion.clone());
        (completion, true)
    }

    pub(super) fn publication(&self, manifest: &Digest, names: &[String]) -> Option<Arc<Completion<Published>>> {
        let publication = self.publications.lock().unpoisoned().get(&(*manifest, names.to_vec())).cloned();
        publication.filter(|publication| !publication.is_done())
    }

    /// Ends a publication.
    pub(super) fn published(
        &self,
        manifest: Digest,
        names: &[String],
        completion: &Arc<Completion<Published>>,
        outcome: Result<Published>,
    ) {
        completion.complete(outcome);
        let (mut publications, key) = (self.publications.lock().unpoisoned(), (manifest, names.to_vec()));
        if publications.get(&key).is_some_and(|announced| Arc::ptr_eq(announced, completion)) {
            publications.remove(&key);
        }
    }

    /// Returns the error for work that cannot continue in the background.
    pub(super) fn no_thread(error: std::io::Error) -> Error {
        Error::unsupported("cannot start another thread")
            .with_source(error)
            .with_hint("raise the limits on threads and memory (ulimit -u, ulimit -v)")
    }
}

impl fmt::Debug for PushState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pushes").field("cache", &self.cache).finish_non_exhaustive()
    }
}
