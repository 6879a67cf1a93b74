//! The state shared by the caches of one run: progress, the cancel handle, and the options common to all commands.

use std::process::ExitCode;
use std::sync::Arc;

use s3_build_cache::{Bucket, CacheOptions, Cancel, Error, Progress, Report, Result, S3Cache, S3CacheBuilder};

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
    /// Sets up logging, progress and signal handling. `doing` is a word such as `uploading`. On failure, reports the
    /// error and returns the exit status.
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

    /// Prints a line for people to standard output, unless `--json` or `--quiet` is set.
    pub(crate) fn say(&self, line: &str) {
        progress::finish();
        if !self.global.quiet && !self.global.json {
            // A closed pipe can be ignored, because the exit status reports the result.
            let _ = output::print(&format!("{line}\n"));
        }
    }

    /// Prints an error for people, prefixed with the failed action.
    pub(crate) fn complain(&self, doing: &str, error: &Error) {
        progress::finish();
        output::error(doing, error);
    }

    /// Ends the run: prints the JSON result if requested, and returns the exit status.
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

/// Sets up logging and signal handling, and returns the handle that signals cancel. On failure, reports the error and
/// returns the exit status.
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

/// Returns a builder for a cache, with the options common to all commands.
pub(crate) fn builder(options: &CacheOptions, global: &Global, cancel: &Cancel) -> S3CacheBuilder {
    let builder = S3Cache::builder(options).cancel(cancel.clone());
    match global.jobs {
        Some(jobs) => builder.connections(jobs),
        None => builder,
    }
}

/// Returns the display name of a cache that could not be opened.
pub(crate) fn label(options: &CacheOptions) -> String {
    let bucket = options.location().bucket.as_ref().map_or("", Bucket::name);
    format!("s3://{bucket}/{}", options.keys().prefix)
}
