//! One run of a command: signals, progress, and the result.

use std::cell::Cell;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use s3_build_cache::options::Bucket;
use s3_build_cache::progress::{NoProgress, Progress};
use s3_build_cache::{CacheOptions, Cancel, Error, Result, S3Cache, S3CacheBuilder};
use serde_json::Value;

use crate::flags::Global;
use crate::output::json::Object;
use crate::output::{Envelope, exit, failure, github, print, print_with};
use crate::signals::Notice;
use crate::{logger, progress, signals};

pub(crate) struct Session {
    command: &'static str,
    pub(crate) global: Global,
    progress: Arc<dyn Progress>,
    pub(crate) cancel: Cancel,
    stdout: Cell<Stdout>,
}

/// The state of standard output.
#[derive(Clone, Copy, Default)]
enum Stdout {
    #[default]
    Open,
    /// `head` closes the pipe once it has read enough.
    Closed,
    /// What was printed is lost, as on a full disk.
    Failed,
}

impl Session {
    /// Sets up signal handling and progress. `doing` is a word such as `uploading`, or `None` for a command
    /// that shows no progress.
    pub(crate) fn start(command: &'static str, global: Global, doing: Option<&'static str>) -> Result<Self> {
        Self::start_with(command, global, doing, signals::GRACE)
    }

    /// Same as [`start`](Self::start), for a command that may take so long to stop.
    pub(crate) fn start_with(
        command: &'static str,
        global: Global,
        doing: Option<&'static str>,
        grace: Duration,
    ) -> Result<Self> {
        let cancel = Cancel::new();
        let notice = match doing {
            _ if global.quiet => Notice::Nowhere,
            Some(_) => Notice::Everywhere,
            None => Notice::Terminals,
        };
        signals::watch(&cancel, grace, notice)?;
        let progress = doing.map_or_else(|| Arc::new(NoProgress) as _, |doing| progress::start(&global, doing));
        Ok(Self { command, global, progress, cancel, stdout: Cell::default() })
    }

    /// Starts a run of a command that shows no progress and watches signals itself.
    pub(crate) fn without_signals(command: &'static str, global: Global) -> Self {
        Self { command, global, progress: Arc::new(NoProgress), cancel: Cancel::new(), stdout: Cell::default() }
    }

    /// Returns a builder for a cache, with the options common to all commands.
    pub(crate) fn builder(&self, options: &CacheOptions) -> S3CacheBuilder {
        let builder = S3Cache::builder(options).cancel(self.cancel.clone()).progress(self.progress.clone());
        match self.global.jobs {
            Some(jobs) => builder.connections(jobs),
            None => builder,
        }
    }

    /// Opens a cache.
    pub(crate) fn open(&self, options: &CacheOptions) -> Result<S3Cache> {
        self.builder(options).open()
    }

    /// Prints a line for people to standard output, unless `--json` or `--quiet` is set.
    pub(crate) fn say(&self, line: &str) {
        progress::finish();
        if !self.global.quiet && !self.global.json {
            self.print(&format!("{line}\n"));
        }
    }

    /// Prints to standard output, unless an earlier write failed. A failure other than a closed pipe changes the exit
    /// status.
    pub(crate) fn print(&self, text: &str) {
        if matches!(self.stdout.get(), Stdout::Open)
            && let Err(error) = print(text)
        {
            let is_closed = error.kind() == io::ErrorKind::BrokenPipe;
            self.stdout.set(if is_closed { Stdout::Closed } else { Stdout::Failed });
        }
    }

    /// Prints a JSON object before the result if `--json` is set.
    pub(crate) fn announce(&self, outcome: &'static str, body: Value) {
        if self.global.json {
            let (warnings, body) = (logger::warnings(), body.into());
            let object = Envelope { command: self.command, outcome, warnings, error: None, body };
            self.print(&object.line());
        }
    }

    /// Returns a part of the JSON result if one is requested, and otherwise null: it may be large.
    pub(crate) fn json(&self, body: impl FnOnce() -> Value) -> Value {
        if self.global.json { body() } else { Value::Null }
    }

    /// Prints an error, prefixed with the failed action if `doing` is not empty.
    pub(crate) fn complain(&self, doing: &str, error: &Error) {
        progress::finish();
        failure::print(error, doing);
    }

    /// Ends the run: prints the JSON result if requested, and returns the exit status.
    pub(crate) fn end(
        &self,
        outcome: &'static str,
        body: impl Into<Object>,
        error: Option<&Error>,
        status: u8,
    ) -> ExitCode {
        self.end_with(outcome, body.into(), error, status)
    }

    fn end_with(&self, outcome: &'static str, body: Object, error: Option<&Error>, status: u8) -> ExitCode {
        progress::finish();
        let mut status = signals::status().unwrap_or(status);
        github::append(self.command, outcome, logger::warning_count(), &body.fields);
        if self.global.json {
            let result = Envelope { command: self.command, outcome, warnings: logger::warnings(), error, body };
            if print_with(|out| result.write(out)).is_err() {
                self.stdout.set(Stdout::Failed);
            }
        }
        if matches!(self.stdout.get(), Stdout::Failed) && status == 0 {
            status = exit::OTHER;
        }
        ExitCode::from(status)
    }
}

/// Returns the display name of a cache that could not be opened.
pub(crate) fn label(options: &CacheOptions) -> String {
    let bucket = options.location().bucket.as_ref().map_or("", Bucket::name);
    format!("s3://{bucket}/{}", options.keys().prefix)
}
