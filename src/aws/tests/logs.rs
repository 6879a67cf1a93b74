//! The logs of all tests.

use std::sync::{Mutex, OnceLock};

/// One line for each record: its level, its text and its target.
pub(crate) struct Logs(Mutex<String>);

impl log::Log for Logs {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        // The crate's documentation warns about what this level shows.
        if record.level() == log::Level::Trace && record.target().starts_with("ureq_proto") {
            return;
        }
        let mut text = self.0.lock().unwrap();
        text.push_str(&format!("{}: {} ({})\n", record.level(), record.args(), record.target()));
    }

    fn flush(&self) {}
}

/// Returns the logger, which must be set once.
pub(crate) fn logs() -> &'static Logs {
    static LOGS: OnceLock<Logs> = OnceLock::new();
    LOGS.get_or_init(|| Logs(Mutex::default()))
}

impl Logs {
    /// Returns everything logged so far.
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}
