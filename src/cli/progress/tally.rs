//! Counts the transferred blobs and bytes, for both bars and plain lines.

use std::collections::HashMap;

use s3_build_cache::Digest;
use s3_build_cache::progress::{Action, Event};

/// The transfers done and planned. Only uploads and downloads count: a blob that is touched or read back is not in the
/// plan, unless that shows that it must be uploaded.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) planned: usize,
    planned_bytes: u64,
    pub(super) done: usize,
    finished: u64,
    /// The bytes transferred and the size of each blob in progress. A blob starts over after a failed attempt.
    current: HashMap<Digest, (u64, u64)>,
}

impl Tally {
    /// Returns the number of bytes transferred so far.
    pub(super) fn through(&self) -> u64 {
        self.current.values().fold(self.finished, |sum, (moved, _)| sum.saturating_add(*moved))
    }

    /// Returns the total number of bytes to transfer.
    pub(super) fn bytes(&self) -> u64 {
        let known = self.current.values().fold(self.finished, |sum, (_, total)| sum.saturating_add(*total));
        self.planned_bytes.max(known)
    }

    /// Returns the total number of blobs to transfer.
    pub(super) fn blobs(&self) -> usize {
        self.planned.max(self.done + self.current.len())
    }

    /// Counts an event. Each plan starts a new count, because each target has its own.
    pub(super) fn add(&mut self, event: &Event<'_>) {
        match *event {
            Event::Planned { blobs, bytes } => {
                *self = Self { planned: blobs, planned_bytes: bytes, ..Self::default() };
            }
            Event::Started { digest, action, total } if moves(action) => {
                self.current.insert(*digest, (0, total));
            }
            Event::Advanced { digest, current, .. } => {
                if let Some((moved, _)) = self.current.get_mut(digest) {
                    *moved = current;
                }
            }
            Event::Finished { digest, action, total } if moves(action) => {
                self.current.remove(digest);
                self.finished = self.finished.saturating_add(total);
                self.done += 1;
            }
            _ => {}
        }
    }
}

/// Returns whether the action counts towards the plan.
pub(super) fn moves(action: Action) -> bool {
    matches!(action, Action::Upload | Action::Download)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns blobs done and in total, then bytes transferred and in total.
    fn shown(tally: &Tally) -> (usize, usize, u64, u64) {
        (tally.done, tally.blobs(), tally.through(), tally.bytes())
    }

    #[test]
    fn only_transfers_count_and_each_blob_once() {
        let (moved, checked) = (Digest::of(b"moved"), Digest::of(b"checked"));
        let mut tally = Tally::default();
        for event in [
            Event::Planned { blobs: 1, bytes: 10 },
            Event::Started { digest: &checked, action: Action::Verify, total: 99 },
            Event::Advanced { digest: &checked, current: 99, total: 99 },
            Event::Finished { digest: &checked, action: Action::Verify, total: 99 },
            Event::Started { digest: &moved, action: Action::Upload, total: 10 },
            Event::Advanced { digest: &moved, current: 7, total: 10 },
            Event::Started { digest: &moved, action: Action::Upload, total: 10 },
            Event::Advanced { digest: &moved, current: 4, total: 10 },
        ] {
            tally.add(&event);
        }
        assert_eq!(shown(&tally), (0, 1, 4, 10));
        tally.add(&Event::Finished { digest: &moved, action: Action::Upload, total: 10 });
        assert_eq!(shown(&tally), (1, 1, 10, 10));
        // The blob was found to be corrupt when it was read back.
        tally.add(&Event::Started { digest: &checked, action: Action::Upload, total: 99 });
        assert_eq!(shown(&tally), (1, 2, 10, 109));
        tally.add(&Event::Finished { digest: &checked, action: Action::Upload, total: 99 });
        assert_eq!(shown(&tally), (2, 2, 109, 109));
        tally.add(&Event::Planned { blobs: 2, bytes: 20 });
        assert_eq!(shown(&tally), (0, 2, 0, 20));
    }
}
