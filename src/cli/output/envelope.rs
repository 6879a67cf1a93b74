//! The result as one JSON object, the same for all commands around a body of their own. Fields may be added, but are
//! never removed.

use s3_build_cache::Error;
use serde_json::Value;

use crate::output::{failure, json};

/// The complete result of a command.
pub(crate) struct Envelope<'a> {
    pub(crate) command: &'a str,
    pub(crate) outcome: &'static str,
    pub(crate) warnings: Vec<String>,
    /// Why the command failed as a whole.
    pub(crate) error: Option<&'a Error>,
    /// The command's own fields.
    pub(crate) body: Value,
}

impl Envelope<'_> {
    /// Returns the object on one line.
    pub(crate) fn line(self) -> String {
        let Self { command, outcome, warnings, error, body } = self;
        let object = json!({"version": 1, "command": command, "outcome": outcome, "warnings": warnings});
        let mut object = json::merged(object, body);
        if let Some(error) = error {
            object = json::merged(object, json!({ "error": failure::json(error) }));
        }
        json::line(&object)
    }
}
