//! The two commands.

use std::process::ExitCode;

use s3_build_cache::{
    CacheOptions, Cancel, Error, ErrorKind, ExportOptions, ImportOptions, ImportOutcome, Imported, LocalCache, Report,
    Result, S3Cache, import_from,
};

use crate::args::{Export, Global, Import};
use crate::json::{Failure, Summary, Target};
use crate::{exit, human, logger, output, progress, signals};

/// Exports to every target, also after one has failed.
pub(crate) fn export(command: Export) -> ExitCode {
    let session = match Session::start(&command.global, "uploading") {
        Ok(session) => session,
        Err(error) => return failed("", &error),
    };
    let options = ExportOptions::new().dry_run(command.dry_run).verify_existing(command.verify_existing);
    // Read once: it is the same cache for every target.
    let source = LocalCache::open(&command.source.dir, &command.source.tag);
    let config = source.and_then(|source| Ok((source.load()?, source)));
    let mut results = Vec::with_capacity(command.targets.len());
    let mut status = None;
    let (config, source) = match config {
        Ok(source) => source,
        Err(error) => {
            session.end();
            output::error("", &error);
            session.print_json("export", "failed", &Report::default(), &[], Some(Failure::from(&error)));
            return ExitCode::from(signals::status().unwrap_or_else(|| exit::status(&error)));
        }
    };
    for target in &command.targets {
        let cache = session.open(target, true);
        let label = cache.as_ref().map_or_else(|_| fallback_label(target), S3Cache::location);
        match cache.and_then(|cache| cache.export_config(&config, &source, &options)) {
            Ok(report) => {
                let verb = if report.dry_run { "would export" } else { "exported" };
                session.print_summary(&human::summary(verb, &report));
                let outcome = if report.dry_run { "dry-run" } else { "exported" };
                let names = report.names.clone();
                results.push(Target { cache: label, outcome, report: Some(report), names, error: None });
            }
            Err(error) => {
                progress::finish();
                if target.ignore_error && error.kind() != ErrorKind::Usage {
                    log::warn!("the export to {label} failed and ignore-error is set: {}", error.chain());
                } else {
                    output::error(&format!("export to {label}: "), &error);
                    status.get_or_insert(exit::status(&error));
                }
                let error = Some(Failure::from(&error));
                results.push(Target { cache: label, outcome: "failed", report: None, names: Vec::new(), error });
            }
        }
        if session.cancel.is_canceled() {
            break;
        }
    }
    session.end();
    let outcome = overall(&results);
    let report = sum(&results);
    session.print_json("export", outcome, &report, &results, None);
    ExitCode::from(signals::status().or(status).unwrap_or(0))
}

/// Imports the merge of all sources.
pub(crate) fn import(command: Import) -> ExitCode {
    let session = match Session::start(&command.global, "downloading") {
        Ok(session) => session,
        Err(error) => return failed("", &error),
    };
    let options =
        ImportOptions::new().dry_run(command.dry_run).verify_existing(command.verify_existing).strict(command.strict);
    let target = LocalCache::create(&command.target.dir, &command.target.tag);
    let opened: Result<Vec<S3Cache>> = command.sources.iter().map(|source| session.open(source, false)).collect();
    let (Imported { sources, outcome, .. }, labels) = match opened {
        Ok(caches) => {
            let labels = caches.iter().map(S3Cache::location).collect::<Vec<_>>();
            (import_from(&caches, &target, &options), labels)
        }
        Err(error) => {
            session.end();
            output::error("", &error);
            session.print_json("import", "failed", &Report::default(), &[], Some(Failure::from(&error)));
            return ExitCode::from(signals::status().unwrap_or_else(|| exit::status(&error)));
        }
    };
    session.end();
    let targets: Vec<Target> =
        labels.into_iter().zip(sources).map(|(label, outcome)| Target::source(label, outcome)).collect();
    let (status, word, report, error) = match outcome {
        Ok(ImportOutcome::Restored(report)) => {
            let (verb, word) = if report.dry_run { ("would restore", "dry-run") } else { ("restored", "restored") };
            session.print_summary(&human::summary(verb, &report));
            (0, word, report, None)
        }
        Ok(_) => {
            session.print_summary(&format!("no cache found in {}: nothing written", names(&targets)));
            (if command.fail_on_miss { exit::MISS } else { 0 }, "miss", Report::default(), None)
        }
        Err(error) => {
            output::error("import: ", &error);
            (exit::status(&error), "failed", Report::default(), Some(Failure::from(&error)))
        }
    };
    session.print_json("import", word, &report, &targets, error);
    ExitCode::from(signals::status().unwrap_or(status))
}

/// What all targets of one run share.
struct Session<'a> {
    global: &'a Global,
    progress: std::sync::Arc<dyn s3_build_cache::Progress>,
    cancel: Cancel,
}

impl<'a> Session<'a> {
    fn start(global: &'a Global, doing: &'static str) -> Result<Self> {
        logger::start(global.verbosity);
        let cancel = Cancel::new();
        signals::watch(&cancel)?;
        Ok(Self { global, progress: progress::start(global, doing), cancel })
    }

    fn open(&self, options: &CacheOptions, export: bool) -> Result<S3Cache> {
        let mut options = options.clone();
        // An attribute of the other direction has no effect.
        options.anonymous &= !export;
        let mut builder = S3Cache::builder(&options).progress(self.progress.clone()).cancel(self.cancel.clone());
        if let Some(jobs) = self.global.jobs {
            builder = builder.connections(jobs);
        }
        builder.connect()
    }

    fn end(&self) {
        progress::finish();
    }

    fn print_summary(&self, line: &str) {
        if !self.global.quiet && !self.global.json {
            progress::finish();
            let _ = output::print(&format!("{line}\n"));
        }
    }

    fn print_json(
        &self,
        command: &'static str,
        outcome: &'static str,
        report: &Report,
        targets: &[Target],
        error: Option<Failure>,
    ) {
        if self.global.json {
            let report = report.clone();
            let summary = Summary { command, outcome, report, warnings: logger::warnings(), targets, error };
            let _ = output::print(&summary.text());
        }
    }
}

fn failed(doing: &str, error: &Error) -> ExitCode {
    output::error(doing, error);
    ExitCode::from(exit::status(error))
}
