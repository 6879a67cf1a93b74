//! A mount of a running server, with what it remembers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use crate::base::{Digest, Unpoisoned as _};
use crate::ops::Located;
use crate::serve::counters::Counters;
use crate::serve::mount::{Mount, Purpose};
use crate::serve::promises::Promises;
use crate::serve::push::{Push, PushContext};

/// How many places of blobs are remembered. The largest caches have 20,000 blobs, and what is forgotten is looked up.
const MOST_LOCATED: usize = 100_000;
/// How often a copy of a blob must have wrong bytes until it counts as corrupt: once, the network may have been at
/// fault.
const CORRUPT_AFTER: u32 = 2;
/// How many corrupt copies are remembered.
const MOST_CORRUPT: usize = 10_000;

/// A mount of a running server, with what it remembers.
pub(super) struct Mounted {
    pub(super) mount: Mount,
    /// Its position among the mounts of the server.
    pub(super) position: usize,
    /// The configs and manifests that clients were promised.
    pub(super) promises: Arc<Promises>,
    /// The state of pushes, if the mount is writable.
    pub(super) push: Option<Push>,
    located: Mutex<HashMap<Digest, Located>>,
    /// How often a copy of a blob, given with the position of its cache, had wrong bytes.
    wrong: Mutex<HashMap<(Digest, usize), u32>>,
}

impl Mounted {
    pub(super) fn new(
        mut mount: Mount,
        position: usize,
        shared: (&Arc<Promises>, &Arc<Counters>),
        context: &PushContext,
    ) -> Self {
        let (promises, counters) = shared;
        // All caches together use as many connections as the first.
        if let Some((first, others)) = mount.caches.split_first_mut() {
            others.iter_mut().for_each(|cache| *cache = cache.sharing(first));
        }
        let target = mount.caches.first().filter(|_| mount.is_writable());
        let push = target.map(|cache| {
            let names = (mount.purpose == Purpose::Export).then(|| cache.options().keys().names.clone());
            Push::new(cache.clone(), names, counters.clone(), context.clone())
        });
        let (located, wrong) = (Mutex::default(), Mutex::default());
        Self { mount, position, promises: promises.clone(), push, located, wrong }
    }

    /// Remembers where blobs are.
    pub(super) fn locate(&self, blobs: &[(Digest, Located)]) {
        let mut located = self.located.lock().unpoisoned();
        if located.len().saturating_add(blobs.len()) > MOST_LOCATED {
            located.clear();
        }
        located.extend(blobs.iter().copied());
    }

    /// Returns where a blob is, as far as it is remembered.
    pub(super) fn located(&self, digest: &Digest) -> Option<Located> {
        self.located.lock().unpoisoned().get(digest).copied()
    }

    /// Forgets where a blob is.
    pub(super) fn forget(&self, digest: &Digest) {
        self.located.lock().unpoisoned().remove(digest);
    }

    /// Counts that a copy of a blob had wrong bytes.
    pub(super) fn blame(&self, digest: Digest, source: usize) {
        let mut wrong = self.wrong.lock().unpoisoned();
        if wrong.len() < MOST_CORRUPT {
            *wrong.entry((digest, source)).or_default() += 1;
        }
    }

    /// Forgets that copies of a blob were corrupt, because it was written again.
    pub(super) fn trust(&self, digest: &Digest) {
        self.wrong.lock().unpoisoned().retain(|(known, _), _| known != digest);
    }

    pub(super) fn is_corrupt(&self, digest: &Digest, source: usize) -> bool {
        self.wrong.lock().unpoisoned().get(&(*digest, source)).is_some_and(|times| *times >= CORRUPT_AFTER)
    }

    /// Returns the corrupt copies of blobs.
    pub(super) fn corrupt(&self) -> HashSet<(Digest, usize)> {
        let wrong = self.wrong.lock().unpoisoned();
        wrong.iter().filter(|(_, times)| **times >= CORRUPT_AFTER).map(|(copy, _)| *copy).collect()
    }
}
