//! Refreshes blobs in the background.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::base::{Digest, Error, Unpoisoned as _};
use crate::ops::cache::S3Cache;
use crate::ops::export::{Job, SETTLED, Touched, Touches};
use crate::ops::persist::persist;

/// How many blobs may wait: more than the largest caches have.
const MOST_WAITING: usize = 32_768;
/// How long a refreshed blob is remembered. A deletion that was decided before has arrived by then.
const RECENT: Duration = SETTLED.saturating_mul(2);
/// When there are more refreshed blobs than this, older ones are forgotten.
const MANY: usize = 10_000;

/// The blobs to refresh, and the outcomes.
#[derive(Debug)]
pub(super) struct TouchQueue {
    /// How many threads refresh blobs.
    most_workers: usize,
    state: Mutex<State>,
    changed: Condvar,
    touches: Touches,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Job>,
    /// The blobs that wait, or are being refreshed.
    pending: HashSet<Digest>,
    workers: usize,
    /// The blobs that were refreshed lately, and the monotonic time.
    refreshed: HashMap<Digest, Duration>,
    /// The blobs that turned out to be gone.
    gone: HashSet<Digest>,
}

impl TouchQueue {
    /// Returns an empty queue for a store with that many connections. Uploads, which a client waits for, use them too.
    pub(super) fn new(connections: usize) -> Self {
        let most_workers = connections.div_ceil(2);
        Self { most_workers, state: Mutex::default(), changed: Condvar::new(), touches: Touches::default() }
    }

    /// Adds a blob. Returns whether the caller must start a thread that calls [`work`](Self::work).
    pub(super) fn add(&self, job: Job) -> bool {
        let mut state = self.state.lock().unpoisoned();
        if state.waiting.len() >= MOST_WAITING || !state.pending.insert(job.digest) {
            return false;
        }
        state.waiting.push_back(job);
        let starts = state.workers < self.most_workers;
        state.workers += usize::from(starts);
        starts
    }

    /// Records that no thread could be started. Without any, nothing is refreshed.
    pub(super) fn not_started(&self) {
        let mut state = self.state.lock().unpoisoned();
        state.workers -= 1;
        if state.workers == 0 {
            state.waiting.clear();
            state.pending.clear();
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Forgets the blobs that wait.
    pub(super) fn abandon(&self) {
        let mut state = self.state.lock().unpoisoned();
        for job in std::mem::take(&mut state.waiting) {
            state.pending.remove(&job.digest);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Refreshes blobs until none waits.
    pub(super) fn work(&self, cache: &S3Cache) {
        let mut state = self.state.lock().unpoisoned();
        while let Some(job) = state.waiting.pop_front() {
            drop(state);
            let gone = self.touch(cache, &job);
            let now = cache.context.clock.monotonic();
            state = self.state.lock().unpoisoned();
            state.pending.remove(&job.digest);
            if gone {
                state.gone.insert(job.digest);
            }
            if state.refreshed.len() >= MANY {
                state.refreshed.retain(|_, at| now.saturating_sub(*at) < RECENT);
            }
            state.refreshed.insert(job.digest, now);
            self.changed.notify_all();
        }
        state.workers -= 1;
    }

    /// Returns whether the blob is gone.
    fn touch(&self, cache: &S3Cache, job: &Job) -> bool {
        match persist(&cache.context, Error::is_transient, || self.touches.touch(cache, job)) {
            Ok(Touched::Impossible) => true,
            Ok(Touched::Done | Touched::Refused | Touched::TooLarge) | Err(Error::Cancelled) => false,
            Err(error) => {
                self.touches.refuse(cache, &error);
                false
            }
        }
    }

    /// Waits until none of the blobs is pending, at most until `deadline`. Returns those that are gone.
    pub(super) fn wait_for(&self, blobs: &[Digest], deadline: Instant) -> Vec<Digest> {
        let state = self.state.lock().unpoisoned();
        let left = deadline.saturating_duration_since(Instant::now());
        let mut first = blobs.iter().peekable();
        let waits = |state: &mut State| {
            while first.next_if(|blob| !state.pending.contains(*blob)).is_some() {}
            first.peek().is_some()
        };
        let (state, _) = self.changed.wait_timeout_while(state, left, waits).unpoisoned();
        blobs.iter().filter(|blob| state.gone.contains(*blob)).copied().collect()
    }

    /// Returns whether the blob is still to be refreshed.
    pub(super) fn is_pending(&self, blob: &Digest) -> bool {
        self.state.lock().unpoisoned().pending.contains(blob)
    }

    /// Returns whether the blob is still to be refreshed, or was so recently that a deletion may be under way.
    pub(super) fn is_recent(&self, cache: &S3Cache, blob: &Digest) -> bool {
        let state = self.state.lock().unpoisoned();
        let now = cache.context.clock.monotonic();
        let is_recent = |at: &Duration| now.saturating_sub(*at) < RECENT;
        state.pending.contains(blob) || state.refreshed.get(blob).is_some_and(is_recent)
    }

    /// Records that a blob was uploaded.
    pub(super) fn uploaded(&self, blob: &Digest) {
        let mut state = self.state.lock().unpoisoned();
        state.gone.remove(blob);
    }
}
