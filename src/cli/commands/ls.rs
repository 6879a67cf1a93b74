//! The command `ls`.

use std::process::ExitCode;

use s3_build_cache::inspect::{ManifestSummary, Names};
use s3_build_cache::{CacheOptions, Result, S3Cache};
use serde_json::Value;

use crate::commands::buckets::{self, Done};
use crate::commands::caches::CacheArguments;
use crate::commands::command::{Argument, Command, Help, Run};
use crate::flags::{Raw, Values};
use crate::output::buckets::{ago, manifest};
use crate::output::{human, json, table};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    name: "ls",
    summary: "list the manifests in a bucket, with sizes and ages",
    aliases: &["list", "dir"],
    flags: &[],
    help: Help {
        about: "List the manifests in a bucket: layers, records, referenced bytes, bytes that no other manifest \
                references, age, and missing blobs.",
        usage: "ATTRS...",
        is_listed: true,
        arguments: &[BUCKETS],
        global: &["progress", "json", "quiet", "verbose", "jobs"],
        notes: "Lists all blobs and reads all manifests, because several manifests may use the same blob.",
        examples: &[
            "s3-build-cache ls type=s3,region=eu-west-1,bucket=my-cache",
            "s3-build-cache ls 'type=s3,region=eu-west-1,bucket=my-cache,name=pr-*'",
        ],
    },
    run: Run::Task { run, nothing_done: buckets::nothing },
};

/// The argument of the commands that look after buckets.
pub(super) const BUCKETS: Argument = Argument {
    name: "ATTRS",
    help: "the attributes of a cache; without name=, all its manifests\n\
           name=main;pr-*: names can be patterns with * ? [a-z]; * also matches /",
    values: Values::Any,
};

const ARGUMENTS: CacheArguments = CacheArguments::attributes(COMMAND.name);

fn run(raw: Raw) -> Result<ExitCode> {
    let caches: Vec<CacheOptions> = ARGUMENTS.several(&raw.positional)?;
    let session = Session::start(COMMAND.name, raw.global, Some("listing"))?;
    let several = caches.len() > 1;
    let all = buckets::for_each(&session, &caches, "listed", &mut |cache| list(&session, cache, several));
    Ok(session.end(all.outcome, all.body, None, all.status))
}

fn list(session: &Session, cache: &S3Cache, several: bool) -> Result<Done> {
    let usage = cache.disk_usage(&Names::of(cache.options().keys()))?;
    if several {
        session.say(&cache.location());
    }
    match usage.manifests.as_slice() {
        [] if usage.absent.is_empty() => session.say(&format!("no manifests in {}", cache.location())),
        [] => {}
        manifests => table::lines(&rows(manifests)).iter().for_each(|line| session.say(line)),
    }
    warn_unreadable(&usage.manifests);
    let status = buckets::absent(session, cache, &usage.absent);
    let manifests = || usage.manifests.iter().map(manifest).collect::<Vec<Value>>();
    let body = session.json(|| json!({"manifests": manifests(), "absent": usage.absent}));
    let outcome = if status == 0 { "listed" } else { "failed" };
    Ok(Done { outcome, body: body.into(), status })
}

fn rows(manifests: &[ManifestSummary]) -> Vec<Vec<String>> {
    let head = ["NAME", "LAYERS", "RECORDS", "REFERENCED", "OWN", "WRITTEN", "MISSING"].map(str::to_owned);
    let row = |manifest: &ManifestSummary| {
        vec![
            manifest.name.clone(),
            manifest.layers.to_string(),
            manifest.records.to_string(),
            human::size(manifest.referenced.bytes),
            human::size(manifest.own.bytes),
            ago(manifest.age),
            missing(manifest),
        ]
    };
    std::iter::once(head.to_vec()).chain(manifests.iter().map(row)).collect()
}

/// Returns the number of blobs that cannot be used.
pub(super) fn missing(manifest: &ManifestSummary) -> String {
    match manifest.problem {
        Some(_) => "unreadable".to_owned(),
        None => (manifest.missing.blobs + manifest.unusable).to_string(),
    }
}

/// Warns about manifests that cannot be read.
pub(super) fn warn_unreadable(manifests: &[ManifestSummary]) {
    for error in manifests.iter().filter_map(|manifest| manifest.problem.as_ref()) {
        log::warn!("{}", error.chain());
    }
}
