//! Counts what was done so far, for both bars and plain lines.

use std::time::Duration;

use s3_build_cache::Digest;
use s3_build_cache::progress::{Action, Event, Step};

use super::rate::{Pace, Rate};

/// What was done and what is planned, since the last plan. Times are those since the start.
#[derive(Default)]
pub(super) struct Tally {
    /// Uploads and downloads. A blob that is touched or read back is not in the plan, unless that shows that it must be
    /// uploaded.
    has_plan: bool,
    planned: usize,
    planned_bytes: u64,
    done: usize,
    finished: u64,
    checked: usize,
    checked_bytes: u64,
    touched: usize,
    counted: Option<(Step, u64, Option<u64>)>,
    /// The blobs in progress, in the order of their start.
    current: Vec<Blob>,
    /// The bytes transferred or the objects counted, and all bytes that moved.
    pace: Rate,
    moving: Rate,
    begun: Duration,
    active: Duration,
}

/// A blob in progress. It starts over after a failed attempt.
pub(super) struct Blob {
    pub(super) digest: Digest,
    action: Action,
    pub(super) through: u64,
    pub(super) total: u64,
    pub(super) begun: Duration,
}

/// What to show at one point in time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) phase: Phase,
    pub(super) percent: Option<u64>,
    /// Bytes per second.
    pub(super) rate: Option<u64>,
    /// The seconds until the end, unless nothing moves.
    pub(super) eta: Option<u64>,
    /// The time since the last event.
    pub(super) idle: Duration,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing is known yet, or nothing is left but the manifest.
    Other(&'static str),
    Transfer {
        done: usize,
        blobs: usize,
        through: u64,
        bytes: u64,
    },
    /// Blobs that are there already are read back or touched.
    Existing {
        checked: usize,
        bytes: u64,
        touched: usize,
    },
    Count {
        step: Step,
        done: u64,
        expected: Option<u64>,
    },
}

impl Tally {
    /// Returns an empty tally.
    pub(super) fn begin(now: Duration) -> Self {
        Self { begun: now, active: now, ..Self::default() }
    }

    /// Counts an event. Returns whether it is progress. Each plan starts a new count, because each target has its own.
    pub(super) fn add(&mut self, event: &Event<'_>, now: Duration) -> bool {
        match *event {
            Event::Planned { blobs, bytes } => {
                *self = Self { has_plan: true, planned: blobs, planned_bytes: bytes, ..Self::begin(now) };
            }
            Event::Started { digest, action, total } => self.start(digest, action, total, now),
            Event::Advanced { digest, current, .. } => {
                if let Some(blob) = self.current.iter_mut().find(|blob| blob.digest == *digest) {
                    blob.through = current;
                }
            }
            Event::Finished { digest, action, total } => self.finish(digest, action, total),
            Event::Counted { step, done, expected } => {
                if self.counted.is_none_or(|(before, ..)| before != step) {
                    *self = Self::begin(now);
                }
                self.counted = Some((step, done, expected));
            }
            _ => return false,
        }
        self.active = now;
        self.note(now);
        true
    }

    fn start(&mut self, digest: &Digest, action: Action, total: u64, now: Duration) {
        let blob = Blob { digest: *digest, action, through: 0, total, begun: now };
        match self.current.iter_mut().find(|blob| blob.digest == *digest) {
            Some(same) => *same = blob,
            None => self.current.push(blob),
        }
    }

    fn finish(&mut self, digest: &Digest, action: Action, total: u64) {
        self.current.retain(|blob| blob.digest != *digest);
        match action {
            Action::Upload | Action::Download => {
                self.finished = self.finished.saturating_add(total);
                self.done += 1;
            }
            Action::Verify => {
                self.checked += 1;
                self.checked_bytes = self.checked_bytes.saturating_add(total);
            }
            _ => self.touched += 1,
        }
    }

    /// Records the current totals for the rate. Call it regularly.
    pub(super) fn note(&mut self, now: Duration) {
        let (progress, moving) = (self.progress(), self.moving());
        self.pace.note(now, progress);
        self.moving.note(now, moving);
    }

    fn progress(&self) -> u64 {
        self.counted.map_or_else(|| self.through(), |(_, done, _)| done)
    }

    fn moving(&self) -> u64 {
        let current = self.current.iter().fold(0, |sum: u64, blob| sum.saturating_add(blob.through));
        current.saturating_add(self.finished).saturating_add(self.checked_bytes)
    }

    fn moved(&self) -> impl Iterator<Item = &Blob> {
        self.current.iter().filter(|blob| blob.moves())
    }

    /// Returns the number of bytes transferred so far.
    fn through(&self) -> u64 {
        self.moved().fold(self.finished, |sum, blob| sum.saturating_add(blob.through))
    }

    /// Returns the total number of bytes to transfer.
    fn bytes(&self) -> u64 {
        let known = self.moved().fold(self.finished, |sum, blob| sum.saturating_add(blob.total));
        self.planned_bytes.max(known)
    }

    /// Returns the total number of blobs to transfer.
    fn blobs(&self) -> usize {
        self.planned.max(self.done + self.moved().count())
    }

    /// Returns the number of blobs transferred, if that is all of them.
    pub(super) fn all_done(&self) -> Option<usize> {
        Some(self.done).filter(|done| *done > 0 && *done == self.blobs())
    }

    /// Returns the blobs that have been in progress for so long.
    pub(super) fn slow(&self, now: Duration, time: Duration) -> impl Iterator<Item = &Blob> {
        self.current.iter().filter(move |blob| blob.begun + time <= now)
    }

    /// Returns the time of the last event.
    pub(super) fn active(&self) -> Duration {
        self.active
    }

    /// Returns what to show at this time.
    pub(super) fn view(&self, now: Duration) -> View {
        let (phase, done, all) = match self.counted {
            Some((step, done, expected)) => {
                let expected = expected.filter(|expected| *expected > done);
                (Phase::Count { step, done, expected }, done, expected)
            }
            None if self.blobs() > 0 => {
                let (done, blobs, through, bytes) = (self.done, self.blobs(), self.through(), self.bytes());
                (Phase::Transfer { done, blobs, through, bytes }, through, Some(bytes))
            }
            None if self.checked + self.touched + self.current.len() > 0 => {
                let (checked, bytes, touched) = (self.checked, self.moving(), self.touched);
                (Phase::Existing { checked, bytes, touched }, 0, None)
            }
            None if self.has_plan => (Phase::Other("finishing"), 0, None),
            None => (Phase::Other("preparing"), 0, None),
        };
        let is_complete = self.counted.is_none() && self.all_done().is_some();
        // The store confirms a blob some time after its last byte.
        let most = if is_complete { 100 } else { 99 };
        let percent = all.map(|all| done.saturating_mul(100).checked_div(all).unwrap_or(most).min(most));
        let pace = self.pace.pace(now, self.progress()).filter(|_| !is_complete);
        let rest = all.map(|all| all.saturating_sub(done));
        let moving = self.moving.pace(now, self.moving()).filter(|_| !is_complete && self.counted.is_none());
        View {
            phase,
            percent,
            rate: moving.map(Pace::per_second),
            eta: pace.zip(rest).and_then(|(pace, rest)| pace.seconds_for(rest)),
            idle: now.saturating_sub(self.active),
        }
    }

    /// Returns how long this count has taken so far.
    pub(super) fn elapsed(&self, now: Duration) -> Duration {
        now.saturating_sub(self.begun)
    }
}

impl Blob {
    /// Returns whether it counts towards the plan.
    fn moves(&self) -> bool {
        matches!(self.action, Action::Upload | Action::Download)
    }
}

#[cfg(test)]
mod tests;
