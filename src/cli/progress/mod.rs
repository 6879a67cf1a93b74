//! Shows progress on standard error: bars on a terminal, plain lines elsewhere, JSON for machines.

mod bars;
mod counted;
mod layout;
mod plain;
mod rate;
mod rawjson;
mod screen;
mod tally;
mod ticker;

use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};

use s3_build_cache::progress::{NoProgress, Progress};

use crate::flags::{Global, ProgressMode};
use crate::output::color::is_dumb;

/// The bars on the screen, if any. Other output must be printed above them.
static BARS: OnceLock<Arc<bars::Bars>> = OnceLock::new();

/// Returns the kind of progress selected by the options. `doing` is a word such as `uploading`.
pub(crate) fn start(global: &Global, doing: &'static str) -> Arc<dyn Progress> {
    let is_terminal = std::io::stderr().is_terminal();
    let mode = match global.progress {
        _ if global.quiet => ProgressMode::Quiet,
        ProgressMode::Auto if is_terminal && !is_dumb() => ProgressMode::Tty,
        ProgressMode::Tty if !is_terminal => ProgressMode::Plain,
        mode => mode,
    };
    match mode {
        ProgressMode::Tty => {
            let bars = BARS.get_or_init(|| Arc::new(bars::Bars::new(doing)));
            ticker::start(Arc::downgrade(bars) as _, bars::TICK);
            bars.clone()
        }
        ProgressMode::RawJson => Arc::new(rawjson::RawJson::default()),
        ProgressMode::Quiet => Arc::new(NoProgress),
        ProgressMode::Auto | ProgressMode::Plain => {
            let plain = Arc::new(plain::Plain::new(doing));
            ticker::start(Arc::downgrade(&plain) as _, plain::TICK);
            plain
        }
    }
}

/// Removes the bars from the screen.
pub(crate) fn finish() {
    if let Some(bars) = BARS.get() {
        bars.clear();
    }
}

/// Removes the bars from the screen, unless they are being drawn.
pub(crate) fn try_finish() {
    if let Some(bars) = BARS.get() {
        bars.try_clear();
    }
}

/// Runs `print`, which writes to standard error, without disturbing the bars.
pub(crate) fn above_bars(print: impl FnOnce()) {
    match BARS.get() {
        Some(bars) => bars.above(print),
        None => print(),
    }
}
