//! A mount of a running server, with what it remembers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use crate::base::{Digest, Unpoisoned as _};
use crate::ops::Located;
use crate::ops::push::WrongCopies;
use crate::serve::counters::Counters;
use crate::serve::mount::{Mount, Purpose};
use crate::serve::promises::Promises;
use crate::serve::push::{Push, PushContext};

/// How many places of blobs are remembered. The largest caches have 20,000 blobs, and what is forgotten is looked up.
const MOST_LOCATED: usize = 100_000;

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
    /// The copies of blobs that had wrong bytes.
    wrong: WrongCopies,
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
        let (located, wrong) = (Mutex::default(), context.wrong.clone());
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
        self.wrong.blame(digest, (self.position, source));
    }

    pub(super) fn is_corrupt(&self, digest: &Digest, source: usize) -> bool {
        self.wrong.is_corrupt(digest, (self.position, source))
    }

    /// Returns the corrupt copies of blobs.
    pub(super) fn corrupt(&self) -> HashSet<(Digest, usize)> {
        self.wrong.in_mount(self.position)
    }
}
