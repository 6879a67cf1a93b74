//! The command `export`.

use std::borrow::Cow;
use std::process::ExitCode;

use s3_build_cache::options::LocalOptions;
use s3_build_cache::report::Exported;
use s3_build_cache::{CacheConfig, CacheOptions, Error, ErrorKind, ExportOptions, LocalCache, Report, Result, S3Cache};

use crate::commands::caches::CacheArguments;
use crate::commands::command::{Argument, Command, Help, Run, Takes};
use crate::flags::{Global, Raw, Values};
use crate::output::transfer::{self, Target};
use crate::output::{exit, failure, human};
use crate::session::{Session, label};

pub(super) const COMMAND: Command = Command {
    name: "export",
    summary: "upload a local cache directory to a bucket",
    aliases: &["push", "put", "save", "store", "upload"],
    flags: &[
        Takes::with_help(
            "cache-to",
            "type=s3,bucket=...,region=...[,name=a;b][,mode=min]...\ncan be repeated: the cache is exported to each",
        ),
        Takes::with_help("tag", "the tag in DIR [default: latest, or the only entry]"),
        Takes::with_help("verify-existing", "re-read existing blobs and replace corrupt ones"),
        Takes::flag("dry-run"),
    ],
    help: Help {
        about: "Upload a BuildKit local cache directory to S3, in the format of BuildKit's own S3 cache: first the \
                blobs that the bucket lacks, then the manifest.",
        usage: "DIR --cache-to ATTRS...",
        is_listed: true,
        arguments: &[Argument {
            name: "DIR",
            help: "written by docker buildx build --cache-to type=local,dest=DIR;\n\
                   also type=local,src=DIR,tag=TAG or type=local,src=DIR,digest=sha256:...",
            values: Values::Directory,
        }],
        global: &["progress", "json", "quiet", "verbose", "jobs"],
        notes: "",
        examples: &[
            "s3-build-cache export cache --cache-to \\\n  type=s3,region=eu-west-1,bucket=my-cache",
            "s3-build-cache export cache --cache-to \\\n  'type=s3,region=eu-west-1,bucket=my-cache,name=app;main'",
            "s3-build-cache export cache --cache-to \\\n  \
             type=s3,bucket=cache,endpoint_url=https://s3.example.com,use_path_style=true",
            "s3-build-cache export cache --cache-to \\\n  type=s3,bucket=trial,endpoint_url=file:///tmp/store",
        ],
    },
    run: Run::Task { run, nothing_done: transfer::nothing },
};

const ARGUMENTS: CacheArguments =
    CacheArguments { command: COMMAND.name, positional: "a directory", option: Some("--cache-to") };

/// The checked arguments.
struct Export {
    source: LocalOptions,
    targets: Vec<CacheOptions>,
    verify_existing: bool,
    dry_run: bool,
    global: Global,
}

impl Export {
    fn parse(raw: Raw) -> Result<Self> {
        let directory = ARGUMENTS.single(raw.positional, &raw.cache_to)?;
        let has_tag = raw.tag.is_some();
        let source = ARGUMENTS.local(directory, raw.tag)?;
        if has_tag && source.digest.is_some() {
            return Err(
                Error::usage("--tag and digest= both name a cache in the directory").with_hint("use only one of them")
            );
        }
        Ok(Self {
            source,
            targets: ARGUMENTS.s3(&raw.cache_to)?,
            verify_existing: raw.verify_existing,
            dry_run: raw.dry_run,
            global: raw.global,
        })
    }
}

/// Exports to every target, even after one has failed.
fn run(raw: Raw) -> Result<ExitCode> {
    let command = Export::parse(raw)?;
    let session = Session::start(COMMAND.name, command.global, Some("uploading"))?;
    // Read only once, because all targets get the same cache.
    let (source, mut config) = match load(&command) {
        Err(error)
            if error.kind() != ErrorKind::Usage
                && command.targets.iter().all(|target| target.policy().ignore_error) =>
        {
            log::warn!("nothing is exported and ignore-error is set: {}", failure::one_line(&error));
            return Ok(session.end("failed", transfer::nothing(), Some(&error), 0));
        }
        loaded => loaded?,
    };
    let mut targets = Vec::with_capacity(command.targets.len());
    let mut status = None;
    for (at, options) in command.targets.iter().enumerate() {
        let last = at + 1 == command.targets.len();
        let config = if last { Cow::Owned(std::mem::take(&mut config)) } else { Cow::Borrowed(&config) };
        let (target, failed) = export_to(&session, options, &source, config, &command);
        targets.push(target);
        status = status.or(failed);
        if session.cancel.is_cancelled() {
            break;
        }
    }
    let outcome = ["failed", "dry-run", "exported"].into_iter().find(|o| targets.iter().any(|t| t.outcome == *o));
    let body = transfer::body(&sum(&targets), &targets);
    Ok(session.end(outcome.unwrap_or("exported"), body, None, status.unwrap_or(0)))
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
    session: &Session,
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
        log::warn!("the export to {label} failed and ignore-error is set: {}", failure::one_line(&error));
    } else {
        session.complain(&format!("export to {label}"), &error);
    }
    let status = (!ignored).then(|| exit::status(error.kind()));
    (Target { cache: label, outcome: "failed", report, names, looked_for: Vec::new(), error: Some(error) }, status)
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
