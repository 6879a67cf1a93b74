//! Progress bars: a line for the whole, and one for each blob that takes long.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use s3_build_cache::program::Unpoisoned as _;
use s3_build_cache::progress::{Event, Progress};

use super::layout::lines;
use super::screen::{Screen, size};
use super::tally::Tally;
use super::ticker::Ticking;

pub(super) const TICK: Duration = Duration::from_millis(100);
/// How long the lines stay if nobody ticks.
const STALE: Duration = Duration::from_millis(300);

/// The lock of the screen is taken before that of the state, which is held only for moments: a terminal that does not
/// take its output delays no transfer.
pub(super) struct Bars {
    doing: &'static str,
    start: Instant,
    screen: Mutex<Screen>,
    state: Mutex<State>,
}

struct State {
    tally: Tally,
    drawn: Duration,
    /// Whether there is nothing to show until the next event.
    is_over: bool,
}

impl Bars {
    pub(super) fn new(doing: &'static str) -> Self {
        let state = State { tally: Tally::default(), drawn: Duration::ZERO, is_over: false };
        Self { doing, start: Instant::now(), screen: Mutex::new(Screen::new()), state: Mutex::new(state) }
    }

    fn draw(&self, screen: &mut Screen) {
        let mut state = self.state.lock().unpoisoned();
        let now = self.start.elapsed();
        state.drawn = now;
        state.tally.note(now);
        let lines = if state.is_over { Vec::new() } else { lines(self.doing, &state.tally, size(), now) };
        drop(state);
        screen.show(lines);
    }

    /// Removes the lines until the next event.
    pub(super) fn clear(&self) {
        self.clear_from(&mut self.screen.lock().unpoisoned());
    }

    /// Removes the lines, unless another thread is drawing them.
    pub(super) fn try_clear(&self) {
        if let Ok(mut screen) = self.screen.try_lock() {
            self.clear_from(&mut screen);
        }
    }

    fn clear_from(&self, screen: &mut Screen) {
        self.state.lock().unpoisoned().is_over = true;
        self.draw(screen);
    }

    /// Runs `print`, which writes to standard error, without disturbing the lines.
    pub(super) fn above(&self, print: impl FnOnce()) {
        self.screen.lock().unpoisoned().above(print);
    }
}

impl Ticking for Bars {
    fn tick(&self) {
        self.draw(&mut self.screen.lock().unpoisoned());
    }
}

impl Progress for Bars {
    fn event(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unpoisoned();
        let now = self.start.elapsed();
        state.is_over &= !state.tally.add(event, now);
        let is_stale = state.drawn + STALE <= now;
        drop(state);
        if is_stale && let Ok(mut screen) = self.screen.try_lock() {
            self.draw(&mut screen);
        }
    }
}
