//! One JSON object a line: `{"event","digest","current","total","time"}`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use s3_build_cache::{Digest, Event, Progress, Timestamp};
use serde_json::{Value, json};

use crate::output;

/// A blob tells of its bytes this often at most.
const INTERVAL: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct RawJson {
    last: Mutex<HashMap<Digest, Instant>>,
}

impl Progress for RawJson {
    fn event(&self, event: &Event<'_>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match *event {
            Event::Planned { bytes, .. } => line("planned", None, 0, bytes),
            Event::Started { digest, total, .. } => {
                last.insert(*digest, Instant::now());
                line("started", Some(digest), 0, total);
            }
            Event::Advanced { digest, current, total }
                if last.get(digest).is_none_or(|last| last.elapsed() >= INTERVAL) =>
            {
                last.insert(*digest, Instant::now());
                line("advanced", Some(digest), current, total);
            }
            Event::Finished { digest, total, .. } => {
                last.remove(digest);
                line("finished", Some(digest), total, total);
            }
            _ => {}
        }
    }
}

fn line(event: &str, digest: Option<&Digest>, current: u64, total: u64) {
    let digest = digest.map_or(Value::Null, |digest| digest.to_string().into());
    let time = Timestamp::from(SystemTime::now()).to_string();
    let object = json!({"event": event, "digest": digest, "current": current, "total": total, "time": time});
    output::line(&object.to_string());
}
