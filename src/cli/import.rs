//! The command `import`.

use std::process::ExitCode;

use s3_build_cache::{
    Error, ErrorKind, ImportOptions, ImportOutcome, Imported, LocalCache, Result, S3Cache, SourceOutcome, import_from,
};

use crate::args::Import;
use crate::json::{Failure, Target};
use crate::session::{Session, label};
use crate::{exit, human};

/// Imports and merges all sources.
pub(crate) fn run(command: &Import) -> ExitCode {
    let session = match Session::start(&command.global, "import", "downloading") {
        Ok(session) => session,
        Err(status) => return status,
    };
    let (caches, mut targets) = match open(&session, command) {
        Ok(opened) => opened,
        Err(error) => return session.fail(&error),
    };
    let options = ImportOptions::new()
        .dry_run(command.dry_run)
        .verify_existing(command.verify_existing)
        .strict(command.strict)
        .sync(command.sync);
    if command.target.digest.is_some() {
        log::warn!("digest has no effect on a directory that is written: its cache is tagged {}", command.target.tag);
    }
    let target = LocalCache::create(&command.target.dir, &command.target.tag);
    let Imported { sources, report, outcome, .. } = import_from(&caches, &target, &options);
    targets.extend(caches.iter().zip(sources).map(|(cache, had)| {
        let looked_for = if matches!(had, SourceOutcome::Miss) { cache.manifest_locations() } else { Vec::new() };
        Target { looked_for, ..Target::source(cache.location(), had) }
    }));
    match outcome {
        Ok(ImportOutcome::Restored(_)) => {
            let (verb, word) = if report.dry_run { ("would restore", "dry-run") } else { ("restored", "restored") };
            session.say(&human::summary(verb, &report));
            session.end(word, &report, &targets, None, 0)
        }
        Ok(_) => {
            session.say(&if report.names.is_empty() {
                let keys: Vec<&str> =
                    targets.iter().flat_map(|target| &target.looked_for).map(String::as_str).collect();
                format!("no cache found, nothing written: looked for {}", keys.join(", "))
            } else {
                let places = targets.iter().map(|target| target.cache.as_str()).collect::<Vec<_>>().join(", ");
                format!("no layer could be restored from {places}: the index was not written")
            });
            let status = if command.fail_on_miss { exit::MISS } else { 0 };
            session.end("miss", &report, &targets, None, status)
        }
        Err(error) => {
            session.complain("import: ", &error);
            let failure = Some(Failure::from(&error));
            for target in targets.iter_mut().filter(|target| target.outcome == "restored") {
                (target.outcome, target.error) = ("failed", Some(Failure::from(&error)));
            }
            session.end("failed", &report, &targets, failure, exit::status(&error))
        }
    }
}

/// Opens the sources. A source that cannot be opened, such as for lack of credentials, is skipped like one that does
/// not respond.
fn open(session: &Session<'_>, command: &Import) -> Result<(Vec<S3Cache>, Vec<Target>)> {
    let mut caches = Vec::with_capacity(command.sources.len());
    let mut failed: Vec<(String, Error)> = Vec::new();
    for options in &command.sources {
        match session.open(options) {
            Ok(cache) => caches.push(cache),
            Err(error) if command.strict || error.kind() == ErrorKind::Usage => return Err(error),
            Err(error) => failed.push((label(options), error)),
        }
    }
    if caches.is_empty() && !failed.is_empty() {
        return Err(failed.swap_remove(0).1);
    }
    let left_out = failed.into_iter().map(|(cache, error)| {
        log::warn!("skipping a source: {}", error.chain());
        let (kind, message, hint) = (error.kind(), error.chain(), error.hint().map(str::to_owned));
        Target::source(cache, SourceOutcome::Failed { kind, message, hint })
    });
    Ok((caches, left_out.collect()))
}
