//! What the caches of one run share: progress, the cancel handle, and the options every command has.

use std::process::ExitCode;
use std::sync::Arc;

use s3_build_cache::{CacheOptions, Cancel, Error, Progress, Report, Result, S3Cache, S3CacheBuilder};

use crate::args::Global;
use crate::json::{Failure, Summary, Target};
use crate::{exit, logger, output, progress, signals};

pub(crate) struct Session<'a> {
    global: &'a Global,
    command: &'static str,
    progress: Arc<dyn Progress>,
    pub(crate) cancel: Cancel,
}

impl<'a> Session<'a> {
    /// Takes the log, the screen and the signals. `doing` is a word such as `uploading`. Where that fails it is told, and
    /// the status is given.
    pub(crate) fn start(
        global: &'a Global,
        command: &'static str,
        doing: &'static str,
    ) -> std::result::Result<Self, ExitCode> {
        let cancel = listen(global)?;
        Ok(Self { global, command, progress: progress::start(global, doing), cancel })
    }

    pub(crate) fn open(&self, options: &CacheOptions) -> Result<S3Cache> {
        builder(options, self.global, &self.cancel).progress(self.progress.clone()).connect()
    }

    /// The line for people, on standard output unless that is for machines.
    pub(crate) fn say(&self, line: &str) {
        progress::finish();
        if !self.global.quiet && !self.global.json {
            // A closed pipe is reported by nobody; the exit status tells what was done.
            let _ = output::print(&format!("{line}\n"));
        }
    }

    /// An error for people. What was doing stands before it.
    pub(crate) fn complain(&self, doing: &str, error: &Error) {
        progress::finish();
        output::error(doing, error);
    }

    /// Ends the run: the JSON result where one is wanted, and the exit status.
    pub(crate) fn end(
        &self,
        outcome: &'static str,
        report: &Report,
        targets: &[Target],
        error: Option<Failure>,
        status: u8,
    ) -> ExitCode {
        progress::finish();
        let mut status = signals::status().unwrap_or(status);
        if self.global.json {
            let (command, warnings) = (self.command, logger::warnings());
            let summary = Summary { command, outcome, report: report.clone(), warnings, targets, error };
            if output::print(&summary.text()).is_err() && status == 0 {
                status = exit::OTHER;
            }
        }
        ExitCode::from(status)
    }

    /// Ends a run that failed as a whole.
    pub(crate) fn fail(&self, error: &Error) -> ExitCode {
        self.complain("", error);
        self.end("failed", &Report::default(), &[], Some(Failure::from(error)), exit::status(error))
    }
}

/// Takes the log and the signals: the handle that these cancel. Where that fails it is told, and the status is given.
pub(crate) fn listen(global: &Global) -> std::result::Result<Cancel, ExitCode> {
    logger::start(global.verbosity);
    let cancel = Cancel::new();
    match signals::watch(&cancel) {
        Ok(()) => Ok(cancel),
        Err(error) => {
            output::error("", &error);
            Err(ExitCode::from(exit::status(&error)))
        }
    }
}

/// What a cache is opened with, by the options every command has.
pub(crate) fn builder(options: &CacheOptions, global: &Global, cancel: &Cancel) -> S3CacheBuilder {
    let builder = S3Cache::builder(options).cancel(cancel.clone());
    match global.jobs {
        Some(jobs) => builder.connections(jobs),
        None => builder,
    }
}

/// A cache that could not be opened, as people name it.
pub(crate) fn label(options: &CacheOptions) -> String {
    format!("s3://{}/{}", options.bucket.as_deref().unwrap_or_default(), options.prefix)
}
