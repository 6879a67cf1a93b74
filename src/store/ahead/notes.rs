//! What is known about blobs that were read before: hash states to resume at, and versions that were verified.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::base::{Digest, Hasher, Unpoisoned as _};
use crate::object::Version;

/// How many blobs are remembered, the most recently read.
const MOST_BLOBS: usize = 256;
/// How many hash states are kept for each blob. A client resumes close to where its connection broke.
const MOST_CHECKPOINTS: usize = 16;

/// Notes on blobs, by digest.
#[derive(Default)]
pub(super) struct Notes(Mutex<VecDeque<Note>>);

struct Note {
    digest: Digest,
    checkpoints: VecDeque<Checkpoint>,
    /// The location and the version of an object that matched the digest.
    verified: Option<(String, Version)>,
}

/// The hash of the first bytes of a blob.
#[derive(Clone, Debug, Default)]
pub(super) struct Checkpoint {
    pub(super) position: u64,
    pub(super) hasher: Hasher,
}

impl Notes {
    /// Returns the hash state to continue with for bytes from `position` on: at the start if no other is known.
    pub(super) fn checkpoint(&self, digest: &Digest, position: u64) -> Checkpoint {
        let notes = self.0.lock().unpoisoned();
        let known = notes.iter().find(|note| note.digest == *digest).into_iter().flat_map(|note| &note.checkpoints);
        let usable = known.filter(|checkpoint| checkpoint.position <= position);
        usable.max_by_key(|checkpoint| checkpoint.position).cloned().unwrap_or_default()
    }

    /// Remembers hash states of a read that was cut off.
    pub(super) fn keep(&self, digest: &Digest, checkpoints: VecDeque<Checkpoint>) {
        self.update(digest, |note| {
            for checkpoint in checkpoints {
                note.checkpoints.retain(|known| known.position != checkpoint.position);
                note.checkpoints.push_back(checkpoint);
            }
            let surplus = note.checkpoints.len().saturating_sub(MOST_CHECKPOINTS);
            note.checkpoints.drain(..surplus);
        });
    }

    /// Forgets everything about a blob, because its bytes were wrong.
    pub(super) fn forget(&self, digest: &Digest) {
        self.0.lock().unpoisoned().retain(|note| note.digest != *digest);
    }

    /// Remembers that the object at `location` had the right digest in this version.
    pub(super) fn verified(&self, digest: &Digest, location: String, version: Version) {
        self.update(digest, |note| note.verified = Some((location, version)));
    }

    /// Returns the version in which the object at `location` had the right digest.
    pub(super) fn verified_version(&self, digest: &Digest, location: &str) -> Option<Version> {
        let notes = self.0.lock().unpoisoned();
        let (at, version) = notes.iter().find(|note| note.digest == *digest)?.verified.as_ref()?;
        (at == location).then(|| version.clone())
    }

    /// Changes the note on a blob, which becomes the most recent one.
    fn update(&self, digest: &Digest, change: impl FnOnce(&mut Note)) {
        let mut notes = self.0.lock().unpoisoned();
        let at = notes.iter().position(|note| note.digest == *digest);
        let known = at.and_then(|at| notes.remove(at));
        let mut note = known.unwrap_or_else(|| Note { digest: *digest, checkpoints: VecDeque::new(), verified: None });
        change(&mut note);
        notes.push_back(note);
        if notes.len() > MOST_BLOBS {
            notes.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_bounded() {
        let notes = Notes::default();
        for at in 0..1000_u64 {
            let digest = Digest::of(&at.to_le_bytes());
            let checkpoint = Checkpoint { position: at + 1, ..Default::default() };
            notes.keep(&digest, [checkpoint].into());
            assert_eq!(notes.checkpoint(&digest, at).position, 0);
            assert_eq!(notes.checkpoint(&digest, at + 1).position, at + 1);
        }
        assert_eq!(notes.checkpoint(&Digest::of(&0_u64.to_le_bytes()), 1).position, 0);
    }
}
