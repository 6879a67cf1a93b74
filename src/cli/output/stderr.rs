//! Writes to standard error: text for people, or with `--progress=rawjson` one JSON object per line, including warnings
//! and errors.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use s3_build_cache::error::printable;
use s3_build_cache::time::Timestamp;
use serde_json::Value;

use crate::output::json;

static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Makes every line a JSON object from now on.
pub(crate) fn switch_to_json() {
    IS_JSON.store(true, Ordering::Relaxed);
}

pub(crate) fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Writes a message of this level, escaped: `warning: …`, or a JSON event.
pub(crate) fn message(level: &str, text: &str) {
    if is_json() {
        note(level, text);
    } else {
        line(&format!("{level}: {}", printable(text)));
    }
}

/// Writes a line, or a JSON event of this name with the line as its message.
pub(crate) fn note(name: &str, text: &str) {
    if is_json() {
        event(name, json!({ "message": text }));
    } else {
        line(text);
    }
}

/// Writes one JSON event. Every event has the fields `event`, `digest`, `action`, `current`, `total` and `time`;
/// `fields` sets those that are not null or zero, and adds others.
pub(crate) fn event(name: &str, fields: Value) {
    let time = Timestamp::from(SystemTime::now()).to_string();
    let common =
        json!({"event": name, "digest": Value::Null, "action": Value::Null, "current": 0, "total": 0, "time": time});
    line(json::line(json::merged(common, fields)).trim_end());
}

/// Writes a line as it is, at once, because a build that `run` runs may write to standard error too. Failures are
/// ignored, because there is nowhere to report them.
pub(crate) fn line(text: &str) {
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}
