//! The result as one JSON object, the same for all commands around a body of their own. Fields may be added, but are
//! never removed.

use std::fmt;

use s3_build_cache::Error;

use crate::output::json::Object;
use crate::output::{failure, json};

/// The complete result of a command.
pub(crate) struct Envelope<'a> {
    pub(crate) command: &'a str,
    pub(crate) outcome: &'static str,
    pub(crate) warnings: Vec<String>,
    /// Why the command failed as a whole.
    pub(crate) error: Option<&'a Error>,
    /// The command's own fields.
    pub(crate) body: Object,
}

impl Envelope<'_> {
    /// Writes the object on one line.
    pub(crate) fn write(self, out: &mut dyn fmt::Write) -> fmt::Result {
        let Self { command, outcome, warnings, error, body } = self;
        let object = json!({"version": 1, "command": command, "outcome": outcome, "warnings": warnings});
        let mut object = body.with(object);
        if let Some(error) = error {
            object.fields = json::merged(object.fields, json!({ "error": failure::json(error) }));
        }
        object.write_line(out)
    }

    /// Returns the object on one line.
    pub(crate) fn line(self) -> String {
        let mut line = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut line);
        line
    }
}
