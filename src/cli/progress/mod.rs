//! Shows progress on standard error: bars on a terminal, plain lines elsewhere, JSON for machines.

mod bars;
mod counted;
mod plain;
mod rawjson;
mod tally;

use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};

use indicatif::MultiProgress;
use s3_build_cache::progress::{NoProgress, Progress};

use crate::flags::{Global, ProgressMode};

/// The bars on the screen, if any. Other output must be printed above them.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// Returns the kind of progress selected by the options. `doing` is a word such as `uploading`.
pub(crate) fn start(global: &Global, doing: &'static str) -> Arc<dyn Progress> {
    let mode = match global.progress {
        _ if global.quiet => ProgressMode::Quiet,
        ProgressMode::Auto if std::io::stderr().is_terminal() => ProgressMode::Tty,
        ProgressMode::Auto => ProgressMode::Plain,
        mode => mode,
    };
    match mode {
        ProgressMode::Tty => Arc::new(bars::Bars::new(BARS.get_or_init(MultiProgress::new), doing)),
        ProgressMode::RawJson => Arc::new(rawjson::RawJson::default()),
        ProgressMode::Quiet => Arc::new(NoProgress),
        ProgressMode::Auto | ProgressMode::Plain => Arc::new(plain::Plain::new(doing)),
    }
}

/// Removes the bars from the screen.
pub(crate) fn finish() {
    if let Some(bars) = BARS.get() {
        // This fails if the terminal has gone away.
        let _ = bars.clear();
    }
}

/// Runs `print`, which writes to standard error, without disturbing the bars.
pub(crate) fn above_bars(print: impl FnOnce()) {
    match BARS.get() {
        Some(bars) => bars.suspend(print),
        None => print(),
    }
}
