//! How it is checked that the parts of an upload are those of the blob.

use std::sync::{Mutex, OnceLock};

use crate::base::{Digest, Error, Hasher, Parts, Result, Unpoisoned as _};
use crate::object::BlobSource;
use crate::ops::export::payload::{changed, read_range, wrong_digest};
use crate::ops::export::sum::{Sum, Summed};
use crate::transfer::Run;

/// Checks the parts of a blob while they are sent, before the upload is completed.
pub(in crate::ops) trait Check: Send + Sync {
    /// Waits until the source has the part, before it is sent. Returns the digest of the part, if it was computed
    /// meanwhile.
    ///
    /// # Errors
    /// If the source never will, or cannot be read, or the run stops.
    fn prepare(&self, index: usize, run: &Run<'_>) -> Result<Option<Digest>> {
        let _ = (index, run);
        Ok(None)
    }

    /// Takes note of what was sent of a part.
    ///
    /// # Errors
    /// If these are not the bytes of the blob.
    fn sent(&self, index: usize, sent: Summed, run: &Run<'_>) -> Result<()>;

    /// Checks the blob after all its parts are sent.
    ///
    /// # Errors
    /// If the parts are not the blob.
    fn verify(&self, run: &Run<'_>) -> Result<()>;

    /// Learns that the store has no parts: the blob will be sent in one piece.
    fn without_parts(&self) {}

    /// Checks the blob before it is sent in one piece.
    ///
    /// # Errors
    /// If the source does not have the blob.
    fn complete(&self, run: &Run<'_>) -> Result<()> {
        let _ = run;
        Ok(())
    }

    /// Learns that the upload has failed.
    fn failed(&self, error: &Error) {
        let _ = error;
    }
}

/// The hash of the whole blob, because stores see at most the hashes of parts. Hashes each part before or after it is
/// sent, and checks that the bytes are those that are sent.
pub(super) struct Whole<'a> {
    source: &'a dyn BlobSource,
    digest: Digest,
    parts: Parts,
    /// Whether the store uses the hashes of parts.
    hashes_parts: bool,
    /// The sum of each part, once it was hashed or sent.
    sums: Vec<OnceLock<Summed>>,
    head: Mutex<Head>,
}

/// The hash of the whole blob so far, and the number of parts that it includes.
#[derive(Default)]
struct Head {
    hasher: Hasher,
    parts: usize,
}

impl<'a> Whole<'a> {
    pub(super) fn new(source: &'a dyn BlobSource, digest: Digest, parts: Parts, hashes_parts: bool) -> Self {
        let sums = std::iter::repeat_with(OnceLock::new).take(parts.count()).collect();
        Self { source, digest, parts, hashes_parts, sums, head: Mutex::default() }
    }

    /// Adds parts to the hash until it includes `count`.
    fn advance(&self, head: &mut Head, count: usize, run: &Run<'_>) -> Result<()> {
        while head.parts < count {
            self.add_next(head, run, |_| {})?;
        }
        Ok(())
    }

    /// Adds the next part to the hash, and passes its bytes to `also`.
    fn add_next(&self, head: &mut Head, run: &Run<'_>, mut also: impl FnMut(&[u8])) -> Result<()> {
        let mut sum = Sum::default();
        let hash = |bytes: &[u8]| {
            head.hasher.update(bytes);
            sum.update(bytes);
            also(bytes);
        };
        run.compute(|| read_range(self.source, &self.digest, self.parts.range(head.parts), run, hash))?;
        self.compare(head.parts, sum.finish())?;
        head.parts += 1;
        Ok(())
    }

    /// Checks that a part was sent as it was hashed. The second call for a part compares.
    fn compare(&self, index: usize, sum: Summed) -> Result<()> {
        let same = self.sums.get(index).is_some_and(|slot| *slot.get_or_init(|| sum) == sum);
        if same { Ok(()) } else { Err(changed(self.source, &self.digest)) }
    }
}

impl Check for Whole<'_> {
    /// Hashes the parts up to this one, unless another thread is hashing: this thread does not hold a connection yet. So
    /// little is left to hash after the last part is sent. If the store uses the hash of this part, it is computed from
    /// the same bytes, which saves reading them again.
    fn prepare(&self, index: usize, run: &Run<'_>) -> Result<Option<Digest>> {
        let Some(mut head) = self.head.try_lock().unpoisoned() else { return Ok(None) };
        self.advance(&mut head, index, run)?;
        if head.parts > index {
            return Ok(None);
        }
        if !self.hashes_parts {
            return self.advance(&mut head, index + 1, run).map(|()| None);
        }
        let mut part = Hasher::new();
        self.add_next(&mut head, run, |bytes| part.update(bytes))?;
        Ok(Some(part.finish()))
    }

    fn sent(&self, index: usize, sent: Summed, run: &Run<'_>) -> Result<()> {
        self.compare(index, sent)?;
        let head = self.head.try_lock().unpoisoned();
        head.map_or(Ok(()), |mut head| self.advance(&mut head, index + 1, run))
    }

    fn verify(&self, run: &Run<'_>) -> Result<()> {
        let mut head = self.head.lock().unpoisoned();
        self.advance(&mut head, self.parts.count(), run)?;
        let verified = head.hasher.clone().finish() == self.digest;
        if verified { Ok(()) } else { Err(wrong_digest(self.source, &self.digest)) }
    }
}

/// The source's stamp of the blob, taken before it is read, must be the same afterwards.
pub(super) struct Stamp<'a> {
    source: &'a dyn BlobSource,
    digest: Digest,
    stamp: Option<u64>,
}

impl<'a> Stamp<'a> {
    /// Takes the stamp.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub(super) fn take(source: &'a dyn BlobSource, digest: Digest) -> Result<Self> {
        Ok(Self { source, digest, stamp: source.blob_stamp(&digest)? })
    }
}

impl Check for Stamp<'_> {
    fn sent(&self, _: usize, _: Summed, _: &Run<'_>) -> Result<()> {
        Ok(())
    }

    fn verify(&self, _: &Run<'_>) -> Result<()> {
        let same = self.source.blob_stamp(&self.digest)? == self.stamp;
        if same { Ok(()) } else { Err(changed(self.source, &self.digest)) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::base::Cancel;
    use crate::transfer::Pool;

    const PART: usize = 10;
    const BYTES: [u8; 4 * PART] = [7; 4 * PART];

    /// A source that records the offsets at which it is read.
    #[derive(Default)]
    struct Recorded(Mutex<Vec<u64>>);

    impl Recorded {
        fn check(&self, hashes_parts: bool) -> Whole<'_> {
            Whole::new(self, Digest::of(&BYTES), Parts::of(BYTES.len() as u64, PART as u64), hashes_parts)
        }

        fn reads(&self) -> Vec<u64> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    impl BlobSource for Recorded {
        fn blob_size(&self, _: &Digest) -> Result<Option<u64>> {
            Ok(Some(BYTES.len() as u64))
        }

        fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>> {
            self.open_blob_at(digest, 0)
        }

        fn open_blob_at(&self, _: &Digest, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
            self.0.lock().unwrap().push(offset);
            Ok(Box::new(BYTES.get(usize::try_from(offset).unwrap()..).unwrap()))
        }
    }

    fn with_run(test: impl Fn(&Run<'_>) + Sync) {
        let test = |(), run: &Run<'_>| {
            test(run);
            Ok(())
        };
        Pool::with_threads(1).map(vec![()], &Cancel::new(), test).unwrap();
    }

    fn sum(bytes: &[u8]) -> Summed {
        let mut sum = Sum::default();
        sum.update(bytes);
        sum.finish()
    }

    #[test]
    fn parts_are_hashed_before_they_are_sent_unless_another_thread_is_hashing() {
        with_run(|run| {
            let source = Recorded::default();
            let check = source.check(false);
            check.prepare(0, run).unwrap();
            assert_eq!(source.reads(), [0]);
            check.prepare(2, run).unwrap();
            assert_eq!(source.reads(), [10, 20]);
            check.prepare(1, run).unwrap();
            let hashing = check.head.lock().unwrap();
            check.prepare(3, run).unwrap();
            (0..4).for_each(|index| check.sent(index, sum(&[7; PART]), run).unwrap());
            assert!(source.reads().is_empty());
            drop(hashing);
            check.verify(run).unwrap();
            assert_eq!(source.reads(), [30]);
        });
    }

    #[test]
    fn the_hash_of_a_part_is_computed_from_the_same_read() {
        with_run(|run| {
            let source = Recorded::default();
            let check = source.check(true);
            assert_eq!(check.prepare(1, run).unwrap(), Some(Digest::of(&[7; PART])));
            assert_eq!(source.reads(), [0, 10]);
            assert_eq!(check.prepare(0, run).unwrap(), None);
            assert!(source.reads().is_empty());
        });
    }

    #[test]
    fn other_bytes_are_detected_whether_they_are_hashed_or_sent_first() {
        with_run(|run| {
            for hashed_first in [true, false] {
                let source = Recorded::default();
                let (check, other) = (source.check(false), sum(&[8; PART]));
                let checked = if hashed_first {
                    check.prepare(0, run).unwrap();
                    check.sent(0, other, run)
                } else {
                    let hashing = check.head.lock().unwrap();
                    check.sent(0, other, run).unwrap();
                    drop(hashing);
                    check.verify(run)
                };
                assert!(checked.unwrap_err().to_string().contains("changed while it was uploaded"), "{hashed_first}");
            }
        });
    }
}
