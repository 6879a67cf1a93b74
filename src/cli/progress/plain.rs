//! Plain lines for logs: at most one per second, and one at the end.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use s3_build_cache::program::Unpoisoned as _;
use s3_build_cache::progress::{Event, Progress};

use super::counted::counted;
use super::tally::Tally;
use crate::output::{human, stderr};

const INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Plain {
    doing: &'static str,
    state: Mutex<State>,
}

struct State {
    last: Instant,
    tally: Tally,
}

impl Plain {
    pub(super) fn new(doing: &'static str) -> Self {
        Self { doing, state: Mutex::new(State { last: Instant::now(), tally: Tally::default() }) }
    }
}

impl Progress for Plain {
    fn event(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unpoisoned();
        let done = state.tally.done;
        state.tally.add(event);
        let now = state.tally.done;
        match *event {
            Event::Planned { blobs, bytes } if blobs > 0 => {
                stderr::line(&format!("{} {}, {}", self.doing, human::blobs(blobs), human::size(bytes)));
            }
            Event::Advanced { .. } if state.tally.blobs() > 0 && state.last.elapsed() >= INTERVAL => state.show(),
            Event::Counted { step, done, expected } if state.last.elapsed() >= INTERVAL => {
                state.last = Instant::now();
                stderr::line(&format!("  {}", counted(step, done, expected)));
            }
            Event::Finished { .. } if now > done && now == state.tally.blobs() => state.show(),
            _ => {}
        }
    }
}

impl State {
    fn show(&mut self) {
        self.last = Instant::now();
        let tally = &self.tally;
        let (through, bytes) = (human::size(tally.through()), human::size(tally.bytes()));
        stderr::line(&format!("  {} of {}, {through} of {bytes}", tally.done, human::blobs(tally.blobs())));
    }
}
