//! The command `export`.

use std::borrow::Cow;
use std::process::ExitCode;

use s3_build_cache::{
    CacheConfig, CacheOptions, ErrorKind, ExportOptions, Exported, LocalCache, LocalOptions, Report, Result, S3Cache,
};

use crate::args::Export;
use crate::json::{Failure, Target};
use crate::session::{Session, label};
use crate::{exit, human};

/// Exports to every target, even after one has failed.
pub(crate) fn run(command: &Export) -> ExitCode {
    let session = match Session::start(&command.global, "export", "uploading") {
        Ok(session) => session,
        Err(status) => return status,
    };
    // Read only once, because all targets get the same cache.
    let (source, mut config) = match load(command) {
        Ok(loaded) => loaded,
        Err(error)
            if error.kind() != ErrorKind::Usage
                && command.targets.iter().all(|target| target.policy().ignore_error) =>
        {
            log::warn!("there is nothing to export and ignore-error is set: {}", error.chain());
            return session.end("failed", &Report::default(), &[], Some(Failure::from(&error)), 0);
        }
        Err(error) => return session.fail(&error),
    };
    let mut targets = Vec::with_capacity(command.targets.len());
    let mut status = None;
    for (at, options) in command.targets.iter().enumerate() {
        let last = at + 1 == command.targets.len();
        let config = if last { Cow::Owned(std::mem::take(&mut config)) } else { Cow::Borrowed(&config) };
        let (target, failed) = export_to(&session, options, &source, config, command);
        targets.push(target);
        status = status.or(failed);
        if session.cancel.is_cancelled() {
            break;
        }
    }
    let outcome = ["failed", "dry-run", "exported"].into_iter().find(|o| targets.iter().any(|t| t.outcome == *o));
    session.end(outcome.unwrap_or("exported"), &sum(&targets), &targets, None, status.unwrap_or(0))
}

fn load(command: &Export) -> Result<(LocalCache, CacheConfig)> {
    let LocalOptions { dir, tag, digest, .. } = &command.source;
    let source = match digest {
        Some(digest) => LocalCache::open_digest(dir, *digest)?,
        None => LocalCache::open(dir, tag)?,
    };
    let config = source.load()?;
    Ok((source, config))
}

/// Exports to one target. Returns the result, and the exit status if it failed.
fn export_to(
    session: &Session<'_>,
    options: &CacheOptions,
    source: &LocalCache,
    config: Cow<'_, CacheConfig>,
    command: &Export,
) -> (Target, Option<u8>) {
    let cache = session.open(&options.signed());
    let label = cache.as_ref().map_or_else(|_| label(options), S3Cache::location);
    let more = ExportOptions::new().dry_run(command.dry_run).verify_existing(command.verify_existing);
    let (report, outcome) = match cache {
        Ok(cache) => {
            let Exported { report, outcome, .. } = cache.export_from(config, source, &more);
            (Some(report), outcome)
        }
        Err(error) => (None, Err(error)),
    };
    let names = report.as_ref().map(|report| report.names.clone()).unwrap_or_default();
    let Err(error) = outcome else {
        let report = report.unwrap_or_default();
        let (verb, outcome) = if report.dry_run { ("would export", "dry-run") } else { ("exported", "exported") };
        session.say(&human::summary(verb, &report));
        return (
            Target { cache: label, outcome, report: Some(report), names, looked_for: Vec::new(), error: None },
            None,
        );
    };
    let ignored = options.policy().ignore_error && error.kind() != ErrorKind::Usage;
    if ignored {
        log::warn!("the export to {label} failed and ignore-error is set: {}", error.chain());
    } else {
        session.complain(&format!("export to {label}: "), &error);
    }
    let status = (!ignored).then(|| exit::status(&error));
    let error = Some(Failure::from(&error));
    (Target { cache: label, outcome: "failed", report, names, looked_for: Vec::new(), error }, status)
}

/// Returns the totals of all targets; the layers are the same for each.
fn sum(targets: &[Target]) -> Report {
    let mut all = Report::default();
    for report in targets.iter().filter_map(|target| target.report.as_ref()) {
        all.layers = report.layers;
        all.dry_run = report.dry_run;
        all.blobs.total += report.blobs.total;
        all.blobs.transferred += report.blobs.transferred;
        all.blobs.present += report.blobs.present;
        all.blobs.touched += report.blobs.touched;
        all.bytes = all.bytes.saturating_add(report.bytes);
        all.requests += report.requests;
        all.elapsed += report.elapsed;
        for name in &report.names {
            if !all.names.contains(name) {
                all.names.push(name.clone());
            }
        }
    }
    all
}
