//! Plain lines for logs: one every few seconds while something happens, fewer in a stall, and one at the end.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use s3_build_cache::program::Unpoisoned as _;
use s3_build_cache::progress::{Event, Progress};

use super::counted::{counted, existing};
use super::rate::{WINDOW, eta};
use super::tally::{Phase, Tally, View};
use super::ticker::Ticking;
use crate::output::{human, stderr};

/// Ten minutes are 60 lines of a log.
const INTERVAL: Duration = Duration::from_secs(10);
/// CI systems end a job that prints nothing for some minutes.
const HEARTBEAT: Duration = Duration::from_secs(30);
pub(super) const TICK: Duration = Duration::from_secs(1);

pub(super) struct Plain {
    doing: &'static str,
    start: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tally: Tally,
    /// The time of the last line.
    last: Duration,
}

impl Plain {
    pub(super) fn new(doing: &'static str) -> Self {
        Self { doing, start: Instant::now(), state: Mutex::default() }
    }
}

impl Ticking for Plain {
    fn tick(&self) {
        let mut state = self.state.lock().unpoisoned();
        let line = state.tick(self.doing, self.start.elapsed());
        drop(state);
        line.iter().for_each(|line| stderr::line(line));
    }
}

impl Progress for Plain {
    fn event(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unpoisoned();
        let line = state.event(self.doing, event, self.start.elapsed());
        drop(state);
        line.iter().for_each(|line| stderr::line(line));
    }
}

impl State {
    /// Returns the line to print after an event, if any.
    fn event(&mut self, doing: &str, event: &Event<'_>, now: Duration) -> Option<String> {
        let done = self.tally.all_done();
        if !self.tally.add(event, now) {
            return None;
        }
        match *event {
            Event::Planned { blobs, bytes } if blobs > 0 => {
                self.last = now;
                Some(format!("{doing} {}, {}", human::blobs(blobs), human::size(bytes)))
            }
            Event::Finished { .. } if self.tally.all_done() > done => self.line(doing, now),
            _ => self.due(doing, now),
        }
    }

    /// Returns the line that is due at this time, if any.
    fn tick(&mut self, doing: &str, now: Duration) -> Option<String> {
        self.tally.note(now);
        self.due(doing, now)
    }

    fn due(&mut self, doing: &str, now: Duration) -> Option<String> {
        let interval = if self.tally.active() > self.last { INTERVAL } else { HEARTBEAT };
        if now < self.last + interval { None } else { self.line(doing, now) }
    }

    fn line(&mut self, doing: &str, now: Duration) -> Option<String> {
        self.last = now;
        let View { phase, percent, rate, eta: left, idle } = self.tally.view(now);
        let is_stalled = idle >= WINDOW;
        let mut line = match phase {
            Phase::Other(what) => return Some(format!("{doing}: {what} for {}", human::age(self.tally.elapsed(now)))),
            Phase::Count { step, done, expected } => format!("  {}", counted(step, done, expected)),
            Phase::Existing { checked, bytes, touched } => format!("  {}", existing(checked, bytes, touched)),
            Phase::Transfer { done, blobs, through, bytes } => {
                let (blobs, through, bytes) = (human::blobs(blobs), human::size(through), human::size(bytes));
                format!("  {done} of {blobs}, {through} of {bytes}")
            }
        };
        if self.tally.all_done().is_some() {
            // The manifest is written, or what a pruning deleted is looked for.
            line.push_str(if is_stalled { ", finishing" } else { "" });
            return Some(line);
        }
        percent.iter().for_each(|percent| line.push_str(&format!(", {percent}%")));
        if is_stalled {
            line.push_str(&format!(", no progress for {}", human::age(idle)));
            return Some(line);
        }
        rate.iter().for_each(|rate| line.push_str(&format!(", {}/s", human::size(*rate))));
        left.iter().for_each(|left| line.push_str(&format!(", eta {}", eta(*left))));
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use s3_build_cache::Digest;
    use s3_build_cache::progress::{Action, Step};

    use super::*;

    const MIB: u64 = 1 << 20;

    /// Runs a second at a time. Returns the lines with their time.
    fn lines(until: u64, mut event: impl FnMut(u64, &mut dyn FnMut(&Event<'_>))) -> Vec<String> {
        let (mut state, mut lines) = (State::default(), Vec::new());
        for second in 0..=until {
            let now = Duration::from_secs(second);
            let mut print = |line: Option<String>| lines.extend(line.map(|line| format!("{second}: {line}")));
            event(second, &mut |event| print(state.event("uploading", event, now)));
            print(state.tick("uploading", now));
        }
        lines
    }

    #[test]
    fn a_transfer_that_stalls_and_recovers_prints_few_lines() {
        let digest = Digest::of(b"x");
        let printed = lines(112, |second, send| match second {
            0 => {
                send(&Event::Planned { blobs: 1, bytes: 40 * MIB });
                send(&Event::Started { digest: &digest, action: Action::Upload, total: 40 * MIB });
            }
            1..=22 => send(&Event::Advanced { digest: &digest, current: second * MIB, total: 40 * MIB }),
            93..=110 => send(&Event::Advanced { digest: &digest, current: (second - 70) * MIB, total: 40 * MIB }),
            111 => send(&Event::Finished { digest: &digest, action: Action::Upload, total: 40 * MIB }),
            _ => {}
        });
        assert_eq!(
            printed,
            [
                "0: uploading 1 blob, 40.0 MiB",
                "10:   0 of 1 blob, 10.0 MiB of 40.0 MiB, 25%, 1.00 MiB/s, eta 30s",
                "20:   0 of 1 blob, 20.0 MiB of 40.0 MiB, 50%, 1.00 MiB/s, eta 20s",
                "30:   0 of 1 blob, 22.0 MiB of 40.0 MiB, 55%, no progress for 8 s",
                "60:   0 of 1 blob, 22.0 MiB of 40.0 MiB, 55%, no progress for 38 s",
                "90:   0 of 1 blob, 22.0 MiB of 40.0 MiB, 55%, no progress for 68 s",
                "100:   0 of 1 blob, 30.0 MiB of 40.0 MiB, 75%, 1.00 MiB/s, eta 10s",
                "110:   0 of 1 blob, 40.0 MiB of 40.0 MiB, 99%, 1.00 MiB/s, eta 0s",
                "111:   1 of 1 blob, 40.0 MiB of 40.0 MiB",
            ]
        );
    }

    #[test]
    fn waiting_before_and_after_the_transfer_is_reported() {
        let digest = Digest::of(b"x");
        let printed = lines(90, |second, send| {
            if second == 50 {
                send(&Event::Planned { blobs: 1, bytes: 1 });
                send(&Event::Finished { digest: &digest, action: Action::Upload, total: 1 });
            }
        });
        let expected = [
            "30: uploading: preparing for 30 s",
            "50: uploading 1 blob, 1 B",
            "50:   1 of 1 blob, 1 B of 1 B",
            "80:   1 of 1 blob, 1 B of 1 B, finishing",
        ];
        assert_eq!(printed, expected);
    }

    #[test]
    fn counts_are_printed_every_few_seconds() {
        let printed = lines(45, |second, send| {
            if (1..=12).contains(&second) {
                send(&Event::Counted { step: Step::ListBlobs, done: second * 10, expected: Some(200) });
            }
        });
        let expected = [
            "10:   100 of about 200 objects listed, 50%, eta 10s",
            "20:   120 of about 200 objects listed, 60%, no progress for 8 s",
        ];
        assert_eq!(printed, expected);
    }
}
