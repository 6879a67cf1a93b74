//! Bars: one for the whole, one for each large blob under way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use s3_build_cache::{Action, Digest, Event, Progress};

/// Smaller blobs come and go too fast to be read.
const LARGE_BLOB: u64 = 8 << 20;

pub(super) struct Bars {
    screen: MultiProgress,
    doing: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    whole: Option<ProgressBar>,
    large: HashMap<Digest, ProgressBar>,
    /// Bytes through by blob, so that a blob that starts over gives its bytes back.
    current: HashMap<Digest, u64>,
    blobs: usize,
    done: usize,
}

impl Bars {
    pub(super) fn new(screen: &MultiProgress, doing: &'static str) -> Self {
        Self { screen: screen.clone(), doing, state: Mutex::default() }
    }

    fn planned(&self, state: &mut State, blobs: usize, bytes: u64) {
        if blobs == 0 {
            return;
        }
        let template = "{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {msg}";
        let bar = self.screen.add(ProgressBar::new(bytes).with_style(style(template)).with_prefix(self.doing));
        state.blobs = blobs;
        state.whole = Some(bar);
        state.show_count();
    }

    fn started(&self, state: &mut State, digest: &Digest, action: Action, total: u64) {
        state.rewind(digest);
        if total < LARGE_BLOB || matches!(action, Action::Touch) {
            return;
        }
        let bar = state.large.entry(*digest).or_insert_with(|| {
            let short: String = digest.hex().chars().take(12).collect();
            let bar = ProgressBar::new(total).with_style(style("  {prefix} {wide_bar} {bytes}/{total_bytes}"));
            self.screen.add(bar.with_prefix(short))
        });
        bar.set_position(0);
    }
}

impl Progress for Bars {
    fn event(&self, event: &Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *event {
            Event::Planned { blobs, bytes } => self.planned(&mut state, blobs, bytes),
            Event::Started { digest, action, total } => self.started(&mut state, digest, action, total),
            Event::Advanced { digest, current, .. } => state.advance(digest, current),
            Event::Finished { digest, action, .. } => state.finish(digest, action),
            _ => {}
        }
    }
}

impl State {
    fn advance(&mut self, digest: &Digest, current: u64) {
        let before = self.current.insert(*digest, current).unwrap_or(0);
        if let Some(whole) = &self.whole {
            whole.inc(current.saturating_sub(before));
        }
        if let Some(bar) = self.large.get(digest) {
            bar.set_position(current);
        }
    }

    fn rewind(&mut self, digest: &Digest) {
        let through = self.current.remove(digest).unwrap_or(0);
        if let Some(whole) = &self.whole {
            whole.set_position(whole.position().saturating_sub(through));
        }
    }

    fn finish(&mut self, digest: &Digest, action: Action) {
        if let Some(bar) = self.large.remove(digest) {
            bar.finish_and_clear();
        }
        self.current.remove(digest);
        if matches!(action, Action::Upload | Action::Download) {
            self.done += 1;
            self.show_count();
        }
    }

    fn show_count(&self) {
        if let Some(whole) = &self.whole {
            whole.set_message(format!("{}/{} blobs", self.done, self.blobs));
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
