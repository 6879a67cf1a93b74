//! The command `import`.

use std::process::ExitCode;

use s3_build_cache::options::LocalOptions;
use s3_build_cache::report::{Imported, SourceOutcome};
use s3_build_cache::{
    CacheOptions, Error, ErrorKind, ImportOptions, ImportOutcome, LocalCache, Report, Result, S3Cache, import_from,
};

use crate::commands::caches::CacheArguments;
use crate::commands::command::{Argument, Command, Help, Run, Takes};
use crate::flags::{Global, Raw, Values};
use crate::output::transfer::{self, Target};
use crate::output::{exit, human};
use crate::session::{Session, label};

pub(super) const COMMAND: Command = Command {
    name: "import",
    summary: "download a cache to a local cache directory",
    aliases: &["download", "fetch", "get", "load", "pull", "restore"],
    flags: &[
        Takes::with_help(
            "cache-from",
            "type=s3,bucket=...,region=...[,name=a;b]...\ncan be repeated: the caches are merged",
        ),
        Takes::flag("tag"),
        Takes::flag("fail-on-miss"),
        Takes::flag("strict"),
        Takes::with_help("verify-existing", "check the digests of existing files"),
        Takes::flag("sync"),
        Takes::flag("explain"),
        Takes::flag("dry-run"),
    ],
    help: Help {
        about: "Download a cache from S3 to a local cache directory that BuildKit can read: first the blobs that the \
                directory lacks, then the index.",
        usage: "DIR --cache-from ATTRS...",
        is_listed: true,
        arguments: &[Argument {
            name: "DIR",
            help: "a directory for docker buildx build --cache-from type=local,src=DIR;\n\
                   also type=local,dest=DIR,tag=TAG",
            values: Values::Directory,
        }],
        global: &["progress", "json", "quiet", "verbose", "jobs"],
        notes: "",
        examples: &[
            "s3-build-cache import cache --cache-from \\\n  type=s3,region=eu-west-1,bucket=my-cache",
            "s3-build-cache import cache --cache-from \\\n  \
             'type=s3,region=eu-west-1,bucket=my-cache,name=feature;main'",
            "s3-build-cache import cache --cache-from \\\n  \
             type=s3,bucket=cache,endpoint_url=https://s3.example.com,use_path_style=true",
            "s3-build-cache import cache --cache-from \\\n  type=s3,bucket=trial,endpoint_url=file:///tmp/store",
        ],
    },
    run: Run::Task { run, nothing_done: transfer::nothing },
};

const ARGUMENTS: CacheArguments =
    CacheArguments { command: COMMAND.name, positional: "a directory", option: Some("--cache-from") };

/// The checked arguments.
struct Import {
    target: LocalOptions,
    sources: Vec<CacheOptions>,
    fail_on_miss: bool,
    strict: bool,
    sync: bool,
    explain: bool,
    verify_existing: bool,
    dry_run: bool,
    global: Global,
}

impl Import {
    fn parse(raw: Raw) -> Result<Self> {
        let directory = ARGUMENTS.single(raw.positional, &raw.cache_from)?;
        Ok(Self {
            target: ARGUMENTS.local(directory, raw.tag)?,
            sources: ARGUMENTS.s3(&raw.cache_from)?,
            fail_on_miss: raw.fail_on_miss,
            strict: raw.strict,
            sync: raw.sync,
            explain: raw.explain,
            verify_existing: raw.verify_existing,
            dry_run: raw.dry_run,
            global: raw.global,
        })
    }
}

/// Imports and merges all sources.
fn run(raw: Raw) -> Result<ExitCode> {
    let command = Import::parse(raw)?;
    let session = Session::start(COMMAND.name, command.global, Some("downloading"))?;
    let (caches, skipped) = open(&session, &command)?;
    let options = ImportOptions::new()
        .dry_run(command.dry_run)
        .verify_existing(command.verify_existing)
        .strict(command.strict)
        .sync(command.sync)
        .explain(command.explain);
    if command.target.digest.is_some() {
        log::warn!("digest has no effect on a directory that is written: its cache is tagged {}", command.target.tag);
    }
    let target = LocalCache::create(&command.target.dir, &command.target.tag);
    let Imported { sources, report, explanation, outcome, .. } = import_from(&caches, &target, &options);
    let word = match &outcome {
        Ok(ImportOutcome::Restored(_)) if report.dry_run => "dry-run",
        Ok(ImportOutcome::Restored(_)) => "restored",
        Ok(_) => "miss",
        Err(_) => "failed",
    };
    let error = outcome.as_ref().err();
    let mut targets: Vec<Target> = skipped;
    targets.extend(caches.iter().zip(sources).map(|(cache, had)| source(cache, had, word, error)));
    match error {
        None if word == "miss" => session.say(&nothing_restored(&report, &targets)),
        None => session.say(&human::summary(if report.dry_run { "would restore" } else { "restored" }, &report)),
        Some(error) => session.complain("import", error),
    }
    let mut body = transfer::body(&report, &targets);
    if let Some(explanation) = explanation {
        human::explanation(&explanation).iter().for_each(|line| session.say(line));
        body = transfer::explained(body, &explanation);
    }
    let miss = if command.fail_on_miss && word == "miss" { exit::MISS } else { 0 };
    let status = error.map_or(miss, |error| exit::status(error.kind()));
    Ok(session.end(word, body, error, status))
}

/// Returns the result for a source. A source that was read shares the outcome of the import.
fn source(cache: &S3Cache, had: SourceOutcome, outcome: &'static str, error: Option<&Error>) -> Target {
    let (outcome, names, error) = match had {
        SourceOutcome::Found(names) => (outcome, names, error.cloned()),
        SourceOutcome::Failed(error) => ("failed", Vec::new(), Some(error)),
        _ => {
            let looked_for = cache.manifest_locations();
            let cache = cache.location();
            return Target { cache, outcome: "miss", report: None, names: Vec::new(), looked_for, error: None };
        }
    };
    Target { cache: cache.location(), outcome, report: None, names, looked_for: Vec::new(), error }
}

/// Returns the last line of an import that restored nothing.
fn nothing_restored(report: &Report, targets: &[Target]) -> String {
    if report.names.is_empty() {
        let keys: Vec<&str> = targets.iter().flat_map(|target| &target.looked_for).map(String::as_str).collect();
        return format!("no cache found, nothing written: looked for {}", keys.join(", "));
    }
    let places: Vec<&str> = targets.iter().map(|target| target.cache.as_str()).collect();
    format!("no layer could be restored from {}: the index was not written", places.join(", "))
}

/// Opens the sources. A source that cannot be opened, such as for lack of its CA bundle, is skipped like one that does
/// not respond.
fn open(session: &Session, command: &Import) -> Result<(Vec<S3Cache>, Vec<Target>)> {
    let mut caches = Vec::with_capacity(command.sources.len());
    let mut failed: Vec<(String, Error)> = Vec::new();
    for options in &command.sources {
        match session.open(options) {
            Ok(cache) => caches.push(cache),
            Err(error) if command.strict || error.kind() == ErrorKind::Usage => return Err(error),
            Err(error) => {
                if command.sources.len() > 1 {
                    log::warn!("skipping a source: {}", error.chain());
                }
                failed.push((label(options), error));
            }
        }
    }
    if caches.is_empty() && !failed.is_empty() {
        return Err(failed.swap_remove(0).1);
    }
    let skipped = failed.into_iter().map(|(cache, error)| {
        let (names, looked_for) = (Vec::new(), Vec::new());
        Target { cache, outcome: "failed", report: None, names, looked_for, error: Some(error) }
    });
    Ok((caches, skipped.collect()))
}
