//! Progress bars: one for the total, and one for each large blob in progress.

use std::collections::HashMap;
use std::sync::Mutex;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use s3_build_cache::Digest;
use s3_build_cache::program::Unpoisoned as _;
use s3_build_cache::progress::{Action, Event, Progress, Step};

use super::counted::counted;
use super::tally::{Tally, moves};

/// Smaller blobs finish too fast for a bar to be readable.
const LARGE_BLOB: u64 = 8 << 20;

/// Ends each line with free columns and moves the cursor back to the first of them. The terminal echoes Ctrl-C as `^C`
/// at the cursor; beyond the last column this would start a line that is not cleared with the bars.
const END: &str = "    \u{1b}[4D";

pub(super) struct Bars {
    screen: MultiProgress,
    doing: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    whole: Option<ProgressBar>,
    large: HashMap<Digest, ProgressBar>,
    tally: Tally,
    /// What is counted, if the bar for the total shows that.
    step: Option<Step>,
}

impl Bars {
    pub(super) fn new(screen: &MultiProgress, doing: &'static str) -> Self {
        Self { screen: screen.clone(), doing, state: Mutex::default() }
    }

    fn planned(&self, state: &mut State, blobs: usize, bytes: u64) {
        if let Some(before) = state.whole.take() {
            before.finish_and_clear();
        }
        state.step = None;
        if blobs == 0 {
            return;
        }
        let template = "{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {msg}";
        let bar = self.screen.add(ProgressBar::new(bytes).with_style(style(template)).with_prefix(self.doing));
        state.whole = Some(bar);
        state.show_count();
    }

    fn counted(&self, state: &mut State, step: Step, done: u64, expected: Option<u64>) {
        let (length, is_new) = (expected.unwrap_or(0).max(done), state.step != Some(step));
        if is_new {
            state.whole.take().iter().for_each(ProgressBar::finish_and_clear);
            state.step = Some(step);
        }
        let whole = state.whole.get_or_insert_with(|| {
            let template = "{prefix} {wide_bar} {msg} {eta}";
            self.screen.add(ProgressBar::new(length).with_style(style(template)).with_prefix(self.doing))
        });
        whole.set_length(length);
        whole.set_position(done);
        whole.set_message(counted(step, done, expected));
    }

    fn started(&self, state: &mut State, digest: &Digest, action: Action, total: u64) {
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
        let mut state = self.state.lock().unpoisoned();
        state.tally.add(event);
        match *event {
            Event::Planned { blobs, bytes } => self.planned(&mut state, blobs, bytes),
            Event::Started { digest, action, total } => self.started(&mut state, digest, action, total),
            Event::Advanced { digest, current, .. } => state.advance(digest, current),
            Event::Finished { digest, action, .. } => state.finish(digest, action),
            Event::Counted { step, done, expected } => self.counted(&mut state, step, done, expected),
            _ => {}
        }
    }
}

impl State {
    fn advance(&mut self, digest: &Digest, current: u64) {
        self.show_bytes();
        if let Some(bar) = self.large.get(digest) {
            bar.set_position(current);
        }
    }

    fn finish(&mut self, digest: &Digest, action: Action) {
        if let Some(bar) = self.large.remove(digest) {
            bar.finish_and_clear();
        }
        if moves(action) {
            self.show_bytes();
            self.show_count();
        }
    }

    fn show_bytes(&self) {
        if let Some(whole) = &self.whole {
            whole.set_length(self.tally.bytes());
            whole.set_position(self.tally.through());
        }
    }

    fn show_count(&self) {
        if let Some(whole) = &self.whole {
            whole.set_message(format!("{}/{} blobs", self.tally.done, self.tally.blobs()));
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    let template = format!("{template}{END}");
    ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    /// A terminal that stores the last text written to it.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }

        fn clear_line(&self) -> io::Result<()> {
            self.0.lock().unwrap().clear();
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_echoed_interrupt_does_not_wrap_the_line() {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let bars = Bars::new(&MultiProgress::with_draw_target(target), "uploading");
        let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a".parse().unwrap();
        bars.event(&Event::Planned { blobs: 1, bytes: LARGE_BLOB });
        for large in [false, true] {
            if large {
                bars.event(&Event::Started { digest: &digest, action: Action::Upload, total: LARGE_BLOB });
            }
            let text = screen.0.lock().unwrap().clone();
            assert!(text.ends_with(END), "{text:?}");
        }
    }
}
