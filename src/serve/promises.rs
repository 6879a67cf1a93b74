//! Documents that were promised to clients, until they have fetched them.
//!
//! A client resolves a tag to a manifest, and fetches that manifest and its config later, by digest. The documents named
//! in the first response must still exist then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::base::{Clock, Digest, Unpoisoned as _, sort};

/// How long a document is kept at least. Builds fetch manifest and config within seconds.
const PROMISED: Duration = Duration::from_secs(3 * 60);
/// The most bytes of all documents of a server. A manifest and its config take at most 2 MiB.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A config or a manifest.
#[derive(Clone)]
pub(super) struct Promised {
    pub(super) media_type: Arc<str>,
    pub(super) bytes: Arc<[u8]>,
}

/// The promised documents of all mounts.
pub(super) struct Promises {
    clock: Arc<dyn Clock>,
    documents: Mutex<HashMap<Digest, (Duration, Promised)>>,
}

impl Promises {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, documents: Mutex::default() }
    }

    /// Keeps the documents. The oldest make room for them, except those promised in the last few minutes. Returns `false`
    /// if there is no room.
    pub(super) fn keep(&self, new: Vec<Promised>) -> bool {
        let now = self.clock.monotonic();
        let mut documents = self.documents.lock().unpoisoned();
        let new: Vec<(Digest, Promised)> = new.into_iter().map(|new| (Digest::of(&new.bytes), new)).collect();
        let wanted: usize =
            new.iter().filter(|(digest, _)| !documents.contains_key(digest)).map(|(_, new)| new.bytes.len()).sum();
        let mut used: usize = documents.values().map(|(_, document)| document.bytes.len()).sum();
        let mut old: Vec<(Duration, Digest)> = documents
            .iter()
            .filter(|(digest, (at, _))| {
                now.saturating_sub(*at) > PROMISED && !new.iter().any(|(new, _)| new == *digest)
            })
            .map(|(digest, (at, _))| (*at, *digest))
            .collect();
        sort::sort_by(&mut old, |one, other| other.cmp(one));
        while used.saturating_add(wanted) > MAX_BYTES {
            let Some((_, oldest)) = old.pop() else { return false };
            used -= documents.remove(&oldest).map_or(0, |(_, document)| document.bytes.len());
        }
        documents.extend(new.into_iter().map(|(digest, new)| (digest, (now, new))));
        true
    }

    /// Returns the document with this digest.
    pub(super) fn get(&self, digest: &Digest) -> Option<Promised> {
        self.documents.lock().unpoisoned().get(digest).map(|(_, document)| document.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::base::Cancel;

    /// A clock that the test moves.
    #[derive(Default)]
    struct Hand(Mutex<Duration>);

    impl Clock for Hand {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock().unwrap()
        }

        fn sleep(&self, _: Duration, _: &Cancel) {}
    }

    fn document(byte: u8, size: usize) -> Promised {
        Promised { media_type: "x".into(), bytes: vec![byte; size].into() }
    }

    #[test]
    fn only_old_promises_make_room_for_new_ones() {
        let clock = Arc::new(Hand::default());
        let promises = Promises::new(clock.clone());
        let is_kept = |byte| promises.get(&Digest::of(&vec![byte; MAX_BYTES / 4])).is_some();
        let keep = |byte| promises.keep(vec![document(byte, MAX_BYTES / 4)]);
        for byte in 1..=4 {
            assert!(keep(byte));
            *clock.0.lock().unwrap() += Duration::from_secs(1);
        }
        assert!(!keep(5) && !is_kept(5) && (1..=4).all(is_kept), "the first are promised");
        assert!(keep(1), "what is kept takes no more room");
        *clock.0.lock().unwrap() += PROMISED - Duration::from_secs(2);
        assert!(keep(5) && !is_kept(2) && [1, 3, 4, 5].into_iter().all(is_kept), "the oldest makes room");
        assert!(!promises.keep(vec![document(6, MAX_BYTES + 1)]), "more than fits at all");
        assert!(is_kept(1) && is_kept(5), "the promises of the last minutes stay");
    }
}
