//! Progress as JSON events. `digest` and `action` are null for the plan, which consists of the blobs with the actions
//! `upload` and `download`.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use s3_build_cache::Digest;
use s3_build_cache::program::Unpoisoned as _;
use s3_build_cache::progress::{Action, Event, Progress, Step};

use super::counted::word as step_word;
use crate::output::{json, stderr};

/// The minimum interval between two reports of a blob's bytes.
const INTERVAL: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct RawJson {
    /// The action on each blob in progress, and when it was last reported.
    last: Mutex<HashMap<Digest, (Action, Instant)>>,
    /// The last step, and when it was last reported.
    counted: Mutex<Option<(Step, Instant)>>,
}

impl Progress for RawJson {
    fn event(&self, event: &Event<'_>) {
        let mut last = self.last.lock().unpoisoned();
        match *event {
            Event::Planned { bytes, .. } => write("planned", None, 0, bytes),
            Event::Started { digest, action, total } => {
                last.insert(*digest, (action, Instant::now()));
                write("started", Some((digest, action)), 0, total);
            }
            Event::Advanced { digest, current, total } => {
                let Some((action, last)) = last.get_mut(digest) else { return };
                if last.elapsed() >= INTERVAL {
                    *last = Instant::now();
                    write("advanced", Some((digest, *action)), current, total);
                }
            }
            Event::Finished { digest, action, total } => {
                last.remove(digest);
                write("finished", Some((digest, action)), total, total);
            }
            Event::Counted { step, done, expected } => {
                let mut counted = self.counted.lock().unpoisoned();
                let is_due = |(last, at): (Step, Instant)| last != step || at.elapsed() >= INTERVAL;
                if expected == Some(done) || counted.is_none_or(is_due) {
                    *counted = Some((step, Instant::now()));
                    let total = expected.unwrap_or(0);
                    stderr::event("counted", json!({"step": step_word(step), "current": done, "total": total}));
                }
            }
            _ => {}
        }
    }
}

fn write(event: &str, blob: Option<(&Digest, Action)>, current: u64, total: u64) {
    let digest = blob.map(|(digest, _)| digest.to_string());
    let action = blob.map(|(_, action)| word(action));
    stderr::event(event, json!({"digest": digest, "action": action, "current": current, "total": total}));
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Upload => "upload",
        Action::Download => "download",
        Action::Touch => "touch",
        Action::Verify => "verify",
        _ => "other",
    }
}
