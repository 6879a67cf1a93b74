//! Prints the library's log: warnings always, more with `-v`.

use std::collections::BTreeSet;
use std::sync::Mutex;

use log::{Level, LevelFilter, Log, Metadata, Record};
use s3_build_cache::Digest;
use s3_build_cache::program::Unpoisoned as _;

use crate::output::stderr;
use crate::progress;

/// Prints log records on standard error, above the progress bars, and collects the warnings for the JSON result.
struct Logger {
    warnings: Mutex<Warnings>,
}

/// The distinct warnings, in order.
struct Warnings {
    list: Vec<String>,
    known: BTreeSet<Digest>,
}

static LOGGER: Logger = Logger { warnings: Mutex::new(Warnings { list: Vec::new(), known: BTreeSet::new() }) };

/// Starts logging, at first only warnings.
pub(crate) fn start() {
    // Cannot fail, because the program sets its logger only here.
    let _ = log::set_logger(&LOGGER);
    set_verbosity(0);
}

/// Sets how much is logged: the number of `-v`.
pub(crate) fn set_verbosity(verbosity: u8) {
    log::set_max_level(match verbosity {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        _ => LevelFilter::Debug,
    });
}

/// Returns the warnings so far.
pub(crate) fn warnings() -> Vec<String> {
    LOGGER.warnings.lock().unpoisoned().list.clone()
}

/// Returns the number of warnings so far.
pub(crate) fn warning_count() -> usize {
    LOGGER.warnings.lock().unpoisoned().list.len()
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Dependencies log the data they send, which must not be shown.
        metadata.target().starts_with("s3_build_cache")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = record.args().to_string();
        if record.level() == Level::Warn {
            let mut warnings = self.warnings.lock().unpoisoned();
            if !warnings.known.insert(Digest::of(text.as_bytes())) {
                return;
            }
            warnings.list.push(text.clone());
        }
        let level = record.level().as_str().to_lowercase().replace("warn", "warning");
        progress::above_bars(|| stderr::message(&level, &text));
    }

    fn flush(&self) {}
}
