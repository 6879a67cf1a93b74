//! The result as one JSON object. Fields may be added, but are never removed.

use std::time::Duration;

use s3_build_cache::{Error, Report, SourceOutcome, printable};
use serde_json::{Value, json};

/// The result for one cache named on the command line.
pub(crate) struct Target {
    pub(crate) cache: String,
    pub(crate) outcome: &'static str,
    pub(crate) report: Option<Report>,
    pub(crate) names: Vec<String>,
    /// The locations that were searched for a manifest without success.
    pub(crate) looked_for: Vec<String>,
    pub(crate) error: Option<Failure>,
}

/// An error, as shown in JSON.
pub(crate) struct Failure {
    kind: &'static str,
    message: String,
    hint: Option<String>,
}

/// The complete result.
pub(crate) struct Summary<'a> {
    pub(crate) command: &'static str,
    pub(crate) outcome: &'static str,
    pub(crate) report: Report,
    pub(crate) warnings: Vec<String>,
    pub(crate) targets: &'a [Target],
    pub(crate) error: Option<Failure>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self { kind: error.kind().as_str(), message: error.chain(), hint: error.hint().map(str::to_owned) }
    }
}

impl Target {
    /// Creates the result for a source of an import.
    pub(crate) fn source(cache: String, outcome: SourceOutcome) -> Self {
        let (outcome, names, error) = match outcome {
            SourceOutcome::Found(names) => ("restored", names, None),
            SourceOutcome::Failed { kind, message, hint } => {
                ("failed", Vec::new(), Some(Failure { kind: kind.as_str(), message, hint }))
            }
            _ => ("miss", Vec::new(), None),
        };
        Self { cache, outcome, report: None, names, looked_for: Vec::new(), error }
    }
}

impl Summary<'_> {
    /// Returns the object on one line.
    pub(crate) fn text(&self) -> String {
        let mut object = counts(&self.report);
        merge(
            &mut object,
            json!({
                "version": 1,
                "command": self.command,
                "outcome": self.outcome,
                "names": self.report.names,
                "warnings": self.warnings,
                "targets": self.targets.iter().map(target).collect::<Vec<_>>(),
            }),
        );
        if let Some(error) = &self.error {
            merge(&mut object, json!({ "error": failure(error) }));
        }
        line(&object)
    }
}

/// Returns the value on one line, escaping everything that a terminal would not show literally.
pub(crate) fn line(value: &Value) -> String {
    let mut line = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii_graphic() || c == ' ' || printable(c.encode_utf8(&mut [0; 4])).chars().eq([c]) {
            line.push(c);
        } else {
            // JSON uses surrogate pairs for characters outside the basic plane.
            line.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    line.push('\n');
    line
}

fn target(target: &Target) -> Value {
    let mut object = target.report.as_ref().map_or_else(|| json!({}), counts);
    merge(&mut object, json!({"cache": target.cache, "outcome": target.outcome, "names": target.names}));
    if !target.looked_for.is_empty() {
        merge(&mut object, json!({ "looked_for": target.looked_for }));
    }
    if let Some(error) = &target.error {
        merge(&mut object, json!({ "error": failure(error) }));
    }
    object
}

fn counts(report: &Report) -> Value {
    let blobs = &report.blobs;
    json!({
        "layers": report.layers,
        "blobs": {
            "total": blobs.total,
            "transferred": blobs.transferred,
            "present": blobs.present,
            "touched": blobs.touched,
            "missing": blobs.missing,
        },
        "bytes": report.bytes,
        "requests": report.requests,
        "seconds": seconds(report.elapsed),
    })
}

/// Returns seconds, rounded to milliseconds.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

pub(crate) fn failure(error: &Failure) -> Value {
    json!({"kind": error.kind, "message": error.message, "hint": error.hint})
}

fn merge(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
