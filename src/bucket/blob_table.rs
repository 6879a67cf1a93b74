//! The blobs of a bucket in little memory: a million take 48 MB.

use std::time::Duration;

use crate::base::Digest;
use crate::object::ObjectMeta;

/// Set in the size of an archived blob. No store accepts objects of that size.
const ARCHIVED: u64 = 1 << 63;
const UNKNOWN: i64 = i64::MIN;

/// A blob in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredBlob {
    pub(crate) digest: Digest,
    /// The size in bytes.
    pub(crate) size: u64,
    /// When the blob was last modified, in seconds since 1970 by the store's clock.
    pub(crate) modified: Option<i64>,
    /// False if the blob is archived. Listings of some stores do not show that.
    pub(crate) readable: bool,
}

#[derive(Clone, Copy)]
struct Entry {
    digest: Digest,
    size: u64,
    modified: i64,
}

/// All blobs of a bucket. After [`sort`](Self::sort), each has a fixed position.
#[derive(Default)]
pub(crate) struct BlobTable {
    entries: Vec<Entry>,
    /// The latest time by the store's clock, in seconds since 1970.
    now: Option<i64>,
}

impl BlobTable {
    /// Adds a blob.
    pub(crate) fn push(&mut self, digest: Digest, meta: &ObjectMeta) {
        let modified = meta.modified_second();
        if let Some((modified, age)) = modified.zip(meta.age) {
            let now = modified.saturating_add(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
            self.now = self.now.max(Some(now));
        }
        let size = (meta.size & !ARCHIVED) | if meta.readable { 0 } else { ARCHIVED };
        self.entries.push(Entry { digest, size, modified: modified.unwrap_or(UNKNOWN) });
    }

    /// Forgets all blobs.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Sorts the blobs by digest. To be called after the last one was added. Of several entries of a blob, the one that
    /// was modified last stays.
    pub(crate) fn sort(&mut self) {
        self.entries.sort_unstable_by(|one, other| (one.digest, other.modified).cmp(&(other.digest, one.modified)));
        self.entries.dedup_by_key(|entry| entry.digest);
    }

    /// Returns the number of blobs.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the position of a blob, or `None` if the bucket does not have it.
    pub(crate) fn position(&self, digest: &Digest) -> Option<usize> {
        self.entries.binary_search_by_key(digest, |entry| entry.digest).ok()
    }

    /// Returns the blob at a position.
    pub(crate) fn get(&self, position: usize) -> Option<StoredBlob> {
        self.entries.get(position).map(StoredBlob::from)
    }

    /// Returns all blobs, by position.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = StoredBlob> {
        self.entries.iter().map(StoredBlob::from)
    }

    /// Returns the time since the blob was last modified, by the store's clock.
    pub(crate) fn age(&self, blob: &StoredBlob) -> Option<Duration> {
        let seconds = self.now?.saturating_sub(blob.modified?);
        Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    }

    /// Returns the latest time by the store's clock that is known, in seconds since 1970.
    pub(crate) fn now(&self) -> Option<i64> {
        self.now
    }
}

impl StoredBlob {
    /// Returns a blob with this metadata.
    pub(crate) fn new(digest: Digest, meta: &ObjectMeta) -> Self {
        Self { digest, size: meta.size, modified: meta.modified_second(), readable: meta.readable }
    }
}

impl From<&Entry> for StoredBlob {
    fn from(entry: &Entry) -> Self {
        Self {
            digest: entry.digest,
            size: entry.size & !ARCHIVED,
            modified: Some(entry.modified).filter(|modified| *modified != UNKNOWN),
            readable: entry.size & ARCHIVED == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_48_bytes() {
        assert_eq!(size_of::<Entry>(), 48);
    }

    #[test]
    fn blobs_are_found_with_size_age_and_state() {
        let mut table = BlobTable::default();
        let digests: Vec<Digest> = (0..100_u32).map(|number| Digest::of(&number.to_be_bytes())).collect();
        for (digest, size) in digests.iter().zip(0..) {
            let at = format!("2026-01-02T00:00:{:02}.5Z", size % 60).parse().unwrap();
            let mut meta = ObjectMeta::new(size).modified(at, Duration::from_secs(60 - size % 60));
            meta.readable = size != 7;
            table.push(*digest, &meta);
        }
        table.push(digests[3], &ObjectMeta::new(99));
        table.sort();
        assert_eq!(table.len(), 100);
        for (digest, size) in digests.iter().zip(0..) {
            let blob = table.get(table.position(digest).unwrap()).unwrap();
            assert_eq!((blob.digest, blob.size, blob.readable), (*digest, size, size != 7));
            assert_eq!(table.age(&blob), Some(Duration::from_secs(60 - size % 60)));
        }
        assert_eq!(table.position(&Digest::of(b"absent")), None);
    }
}
