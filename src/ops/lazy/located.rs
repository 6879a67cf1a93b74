//! Finds out which of several caches has each blob.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use crate::base::{Digest, Error, Result};
use crate::object::{ObjectMeta, ObjectStore as _};
use crate::ops::cache::S3Cache;
use crate::ops::presence::{self, Presence};
use crate::store::{Abandoned, BlobRead, ReadAhead, VerifiedReader};

/// Where a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The position of the cache that has it.
    pub(crate) source: usize,
}

/// What is known about the blobs of a config: where they are, and why the others are lost.
type Known = (HashMap<Digest, Located>, HashMap<Digest, String>);

/// Looks for `blobs` in one source after the other, each given with its position.
///
/// # Errors
/// If no source has any of them, and one refuses or fails.
pub(super) fn locate(
    sources: &[(usize, &S3Cache)],
    blobs: Vec<(Digest, u64)>,
    corrupt: &HashSet<(Digest, usize)>,
) -> Result<Known> {
    let mut located = HashMap::with_capacity(blobs.len());
    let mut reasons: HashMap<Digest, Vec<String>> = HashMap::new();
    let (mut left, mut first_error) = (blobs, None);
    for (at, source) in sources {
        if left.is_empty() {
            break;
        }
        let Presence { found, refused } = match presence::find_each(source, &left) {
            Ok(presence) => presence,
            Err(error) if sources.len() == 1 || matches!(error, Error::Cancelled) => return Err(error),
            Err(error) => {
                source.context.warn(&format!("skipping the blobs of a source: {}", error.chain()));
                first_error.get_or_insert(error);
                continue;
            }
        };
        let mut why: HashMap<Digest, String> = refused.iter().map(|(digest, error)| (*digest, error.chain())).collect();
        first_error = first_error.or(refused.into_iter().next().map(|(_, error)| error));
        left.retain(|(digest, size)| {
            let location = || source.store.location(&source.keys.blob(digest));
            let problem = match found.get(digest) {
                _ if corrupt.contains(&(*digest, *at)) => format!("{} does not match its digest", location()),
                Some(meta) if !meta.readable => format!("{} is archived", location()),
                Some(meta) if meta.size != *size => {
                    format!("{} has {} bytes instead of {size}", location(), meta.size)
                }
                Some(_) => {
                    located.insert(*digest, Located { size: *size, source: *at });
                    return false;
                }
                None => why.remove(digest).unwrap_or_else(|| format!("{} is gone", location())),
            };
            reasons.entry(*digest).or_default().push(problem);
            true
        });
    }
    if let Some(error) = first_error.filter(|_| located.is_empty()) {
        return Err(error);
    }
    let lost = left.into_iter().map(|(digest, _)| {
        let why = reasons.remove(&digest).unwrap_or_default();
        (digest, if why.is_empty() { format!("the blob {digest} cannot be looked up") } else { why.join("; ") })
    });
    let lost = lost.collect();
    Ok((located, lost))
}

impl S3Cache {
    /// Returns the metadata of a blob, or `None` if the cache does not have it or cannot read it now. Does not wait for
    /// the connections of open blobs.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub(crate) fn find_blob(&self, digest: &Digest) -> Result<Option<ObjectMeta>> {
        Ok(self.without_limit().store.head(&self.keys.blob(digest))?.filter(|meta| meta.readable))
    }

    /// Returns a reader of a range of a blob, which is given with its size in bytes. Sends no request yet. The read ends
    /// when `abandoned` returns `true`.
    pub(crate) fn read_ahead(
        &self,
        ahead: &ReadAhead,
        (digest, size): (Digest, u64),
        range: Range<u64>,
        abandoned: Abandoned,
    ) -> VerifiedReader {
        ahead.open(BlobRead {
            store: self.store.clone(),
            clock: self.context.clock.clone(),
            cancel: self.context.cancel.clone(),
            key: self.keys.blob(&digest),
            digest,
            size,
            range,
            abandoned,
        })
    }

    /// Returns a URL of a blob that needs no credentials, or `None` if others could not use one.
    ///
    /// # Errors
    /// If the credentials cannot be renewed.
    pub(crate) fn blob_url(&self, digest: &Digest, valid_for: Duration) -> Result<Option<String>> {
        use crate::base::ErrorKind::Unsupported;
        if self.has_own_roots {
            return Ok(None);
        }
        match self.store.presign_get(&self.keys.blob(digest), valid_for) {
            Err(error) if error.kind() == Unsupported => Ok(None),
            url => url.map(Some),
        }
    }
}
