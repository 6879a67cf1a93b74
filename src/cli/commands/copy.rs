//! The command `copy`.

use std::process::ExitCode;

use s3_build_cache::copy::{Copied, FailedCopy};
use s3_build_cache::{CacheOptions, Error, Result, S3Cache};
use serde_json::Value;

use crate::commands::buckets::{self, Done};
use crate::commands::caches::CacheArguments;
use crate::commands::command::{Command, Help, Run, Takes};
use crate::flags::Raw;
use crate::output::buckets::sum;
use crate::output::{exit, failure, human, json};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    name: "copy",
    summary: "copy caches to other names, prefixes, buckets or stores",
    aliases: &["cp", "promote", "mv", "move", "sync", "mirror"],
    flags: &[
        Takes::with_help("cache-from", "the source; can be repeated: several manifests are merged"),
        Takes::with_help("cache-to", "the target; without name=, manifests keep their names"),
        Takes::flag("dry-run"),
    ],
    help: Help {
        about: "Copy manifests with their blobs. Within a store, the store copies; between stores, blobs are \
                streamed. A single manifest is copied byte for byte.",
        usage: "--cache-from ATTRS... --cache-to ATTRS",
        is_listed: true,
        arguments: &[],
        global: &["progress", "json", "quiet", "verbose", "jobs"],
        notes: "name= of a source may have patterns. Without name= in the source and the target, all manifests are \
                copied. One that cannot be copied does not stop the others; the exit status is that of the first \
                failure.",
        examples: &[
            "s3-build-cache copy \\\n  --cache-from type=s3,region=eu-west-1,bucket=my-cache,name=pr-12 \\\n  \
             --cache-to type=s3,region=eu-west-1,bucket=my-cache,name=main",
            "s3-build-cache copy --cache-from type=s3,region=eu-west-1,bucket=old \\\n  \
             --cache-to type=s3,region=eu-west-1,bucket=new",
        ],
    },
    run: Run::Task { run, nothing_done: buckets::nothing },
};

const FROM: CacheArguments =
    CacheArguments { command: COMMAND.name, positional: "no argument", option: Some("--cache-from") };
const TO: CacheArguments = CacheArguments { option: Some("--cache-to"), ..FROM };

fn run(raw: Raw) -> Result<ExitCode> {
    if !raw.positional.is_empty() {
        return Err(Error::usage("copy takes its caches by --cache-from and --cache-to")
            .with_hint("s3-build-cache copy --cache-from type=s3,… --cache-to type=s3,…"));
    }
    let sources = FROM.s3(&raw.cache_from)?;
    let targets: Vec<CacheOptions> = TO.s3(&raw.cache_to)?.iter().map(CacheOptions::signed).collect();
    let dry_run = raw.dry_run;
    let session = Session::start(COMMAND.name, raw.global, Some("copying"))?;
    let usual = if dry_run { "dry-run" } else { "copied" };
    let all = buckets::for_each(&session, &targets, usual, &mut |target| copy(&session, &sources, target, dry_run));
    Ok(session.end(all.outcome, all.body, None, all.status))
}

fn copy(session: &Session, sources: &[CacheOptions], target: &S3Cache, dry_run: bool) -> Result<Done> {
    let sources = sources.iter().map(|source| session.open(source)).collect::<Result<Vec<S3Cache>>>()?;
    let copied: Copied = target.copy_from(&sources, dry_run)?;
    let verb = if dry_run { "would copy" } else { "copied" };
    copied.reports.iter().for_each(|report| session.say(&human::summary(verb, report)));
    for location in &copied.absent {
        session.complain("", &Error::not_found(format!("{location} does not exist")));
    }
    for FailedCopy { manifests, error, .. } in &copied.failed {
        session.complain(&format!("cannot copy {}", human::few(manifests)), error);
    }
    let (outcome, status) = match (copied.failed.first(), copied.absent.is_empty(), dry_run) {
        (Some(failed), ..) => ("failed", exit::status(failed.error.kind())),
        (None, false, _) => ("failed", exit::OTHER),
        (None, true, true) => ("dry-run", 0),
        (None, true, false) => ("copied", 0),
    };
    let manifests = copied.reports.iter().map(|report| {
        let blobs = &report.blobs;
        json!({
            "names": report.names,
            "layers": report.layers,
            "blobs": json!({"total": blobs.total, "copied": blobs.transferred, "present": blobs.present}),
            "bytes": report.bytes,
        })
    });
    let failed =
        copied.failed.iter().map(|one| json!({"manifests": one.manifests, "error": failure::json(&one.error)}));
    let body = json!({
        "manifests": manifests.collect::<Vec<Value>>(),
        "within_store": sum(copied.within_store),
        "absent": copied.absent,
        "failed": failed.collect::<Vec<Value>>(),
    });
    Ok(Done { outcome, body: body.into(), status })
}
