//! Plain lines for logs: at most one a second, and one at the end.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use s3_build_cache::{Action, Digest, Event, Progress};

use crate::{human, output};

const INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Plain {
    doing: &'static str,
    state: Mutex<State>,
}

struct State {
    last: Instant,
    blobs: usize,
    bytes: u64,
    done: usize,
    current: HashMap<Digest, u64>,
}

impl Plain {
    pub(super) fn new(doing: &'static str) -> Self {
        let state = State { last: Instant::now(), blobs: 0, bytes: 0, done: 0, current: HashMap::new() };
        Self { doing, state: Mutex::new(state) }
    }
}

impl Progress for Plain {
    fn event(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *event {
            Event::Planned { blobs, bytes } if blobs > 0 => {
                (state.blobs, state.bytes) = (blobs, bytes);
                let plural = if blobs == 1 { "" } else { "s" };
                output::line(&format!("{} {blobs} blob{plural}, {}", self.doing, human::size(bytes)));
            }
            Event::Started { digest, .. } => {
                state.current.insert(*digest, 0);
            }
            Event::Advanced { digest, current, .. } => {
                state.current.insert(*digest, current);
                if state.last.elapsed() >= INTERVAL {
                    state.show();
                }
            }
            Event::Finished { action: Action::Upload | Action::Download, .. } => {
                state.done += 1;
                if state.done == state.blobs {
                    state.show();
                }
            }
            _ => {}
        }
    }
}

impl State {
    fn show(&mut self) {
        self.last = Instant::now();
        let through = self.current.values().sum();
        output::line(&format!(
            "  {} of {} blobs, {} of {}",
            self.done,
            self.blobs,
            human::size(through),
            human::size(self.bytes)
        ));
    }
}
