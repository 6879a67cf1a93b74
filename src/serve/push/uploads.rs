//! Open uploads: what clients have sent in pieces so far.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::base::{Hasher, Unpoisoned as _};
use crate::ops::push::{Room, Spool};
use crate::serve::answer::{Code, Refusal};

/// How many uploads may be open. A builder opens four at a time.
const MOST_OPEN: usize = 1000;
/// An upload that nobody continues for this long is forgotten.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// The open uploads of one mount.
#[derive(Debug, Default)]
pub(super) struct Uploads(Mutex<HashMap<String, Arc<Upload>>>);

/// An open upload. Only one request at a time may use it.
#[derive(Debug)]
pub(super) struct Upload {
    used: Mutex<Instant>,
    pieces: Mutex<Pieces>,
}

/// What was received in pieces.
#[derive(Debug)]
pub(super) struct Pieces {
    pub(super) spool: Spool,
    pub(super) hasher: Hasher,
    /// Holds the bytes of the spool, once there are any.
    pub(super) room: Option<Room>,
    /// One of the files that uploads may have.
    pub(super) file: Option<Room>,
}

impl Pieces {
    pub(super) fn none() -> Self {
        Self { spool: Spool::new(), hasher: Hasher::new(), room: None, file: None }
    }
}

impl Uploads {
    /// Opens an upload, and returns its identifier.
    ///
    /// # Errors
    /// If too many are open.
    pub(super) fn open(&self) -> Result<String, Refusal> {
        let mut open = self.0.lock().unpoisoned();
        open.retain(|_, upload| Arc::strong_count(upload) > 1 || upload.used.lock().unpoisoned().elapsed() < IDLE);
        if open.len() >= MOST_OPEN {
            return Err(Refusal::new(Code::TooManyRequests, format!("{MOST_OPEN} uploads are open already")));
        }
        let id = random_id();
        let pieces = Pieces::none();
        open.insert(id.clone(), Arc::new(Upload { used: Mutex::new(Instant::now()), pieces: Mutex::new(pieces) }));
        Ok(id)
    }

    /// Returns an open upload.
    pub(super) fn get(&self, id: &str) -> Option<Arc<Upload>> {
        let upload = self.0.lock().unpoisoned().get(id).cloned()?;
        *upload.used.lock().unpoisoned() = Instant::now();
        Some(upload)
    }

    /// Closes an upload. Returns whether it was open.
    pub(super) fn close(&self, id: &str) -> bool {
        self.0.lock().unpoisoned().remove(id).is_some()
    }
}

impl Upload {
    /// Returns what was received.
    ///
    /// # Errors
    /// If another request uses the upload.
    pub(super) fn pieces(&self) -> Result<MutexGuard<'_, Pieces>, Refusal> {
        let busy = || Refusal::new(Code::BlobUploadInvalid, "another request continues this upload").status(409);
        self.pieces.try_lock().unpoisoned().ok_or_else(busy)
    }
}

/// Returns 128 random bits as hex digits. The keys of the hashes come from the system's source of randomness.
fn random_id() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn uploads_are_limited_and_their_identifiers_differ() {
        let uploads = Uploads::default();
        let ids: HashSet<String> = (0..MOST_OPEN).map(|_| uploads.open().unwrap()).collect();
        assert_eq!(ids.len(), MOST_OPEN);
        assert!(ids.iter().all(|id| id.len() == 32));
        assert_eq!(uploads.open().unwrap_err().status, 429);
        let id = ids.iter().next().unwrap();
        assert!(uploads.close(id) && !uploads.close(id) && uploads.get(id).is_none());
        assert!(uploads.open().is_ok());
    }

    #[test]
    fn idle_uploads_are_forgotten_but_for_those_in_use() {
        let uploads = Uploads::default();
        let (idle, used) = (uploads.open().unwrap(), uploads.open().unwrap());
        let using = uploads.get(&used).unwrap();
        let Some(long_ago) = Instant::now().checked_sub(IDLE + Duration::from_secs(1)) else { return };
        for upload in uploads.0.lock().unwrap().values() {
            *upload.used.lock().unwrap() = long_ago;
        }
        uploads.open().unwrap();
        assert!(uploads.0.lock().unwrap().contains_key(&used) && uploads.get(&idle).is_none());
        let _pieces = using.pieces().unwrap();
        assert_eq!(uploads.get(&used).unwrap().pieces().unwrap_err().status, 409);
    }
}
