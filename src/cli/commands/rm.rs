//! The command `rm`.

use std::process::ExitCode;

use s3_build_cache::error::printable;
use s3_build_cache::inspect::Names;
use s3_build_cache::{CacheOptions, Error, Result, S3Cache};

use crate::commands::buckets::{self, Done};
use crate::commands::caches::CacheArguments;
use crate::commands::command::{Argument, Command, Help, Run, Takes};
use crate::flags::{Raw, Values};
use crate::output::json;
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    name: "rm",
    summary: "remove manifests by name",
    aliases: &["remove", "delete", "del", "unlink"],
    flags: &[Takes::flag("dry-run")],
    help: Help {
        about: "Remove manifests by name. Their blobs stay until prune deletes those that no other manifest \
                references.",
        usage: "ATTRS...",
        is_listed: true,
        arguments: &[Argument {
            name: "ATTRS",
            help: "the attributes of a cache, with name=\nname=main;pr-*: names can be patterns with * ? [a-z]; * also matches /",
            values: Values::Any,
        }],
        global: &["json", "quiet", "verbose"],
        notes: "A manifest that an export rewrites meanwhile is kept.",
        examples: &["s3-build-cache rm 'type=s3,region=eu-west-1,bucket=my-cache,name=pr-12;pr-13'"],
    },
    run: Run::Task { run, nothing_done: buckets::nothing },
};

const ARGUMENTS: CacheArguments = CacheArguments::attributes(COMMAND.name);

fn run(raw: Raw) -> Result<ExitCode> {
    let caches: Vec<CacheOptions> = ARGUMENTS.several(&raw.positional)?.iter().map(CacheOptions::signed).collect();
    if caches.iter().any(|cache| Names::of(cache.keys()).is_all()) {
        return Err(Error::usage("rm needs name=").with_hint("add the names to remove; name=* means all of them"));
    }
    let dry_run = raw.dry_run;
    let session = Session::start(COMMAND.name, raw.global, None)?;
    let usual = if dry_run { "dry-run" } else { "removed" };
    let all = buckets::for_each(&session, &caches, usual, &mut |cache| remove(&session, cache, dry_run));
    Ok(session.end(all.outcome, all.body, None, all.status))
}

fn remove(session: &Session, cache: &S3Cache, dry_run: bool) -> Result<Done> {
    let plan = cache.plan_remove(&Names::of(cache.options().keys()))?;
    let removed = if dry_run {
        plan.names.iter().for_each(|name| session.say(&format!("would remove {}", printable(name))));
        Vec::new()
    } else {
        cache.remove(&plan, |name| session.say(&format!("removed {}", printable(name))))?
    };
    if plan.names.is_empty() && plan.absent.is_empty() {
        session.say("no manifest has such a name");
    }
    let status = buckets::absent(session, cache, &plan.absent);
    let outcome = match (status, dry_run) {
        (0, true) => "dry-run",
        (0, false) => "removed",
        _ => "failed",
    };
    let body = json!({"names": plan.names, "removed": removed, "absent": plan.absent}).into();
    Ok(Done { outcome, body, status })
}
