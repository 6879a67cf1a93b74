//! The command `prune`.

use std::process::ExitCode;

use s3_build_cache::error::printable;
use s3_build_cache::inspect::{BlobSum, Names};
use s3_build_cache::prune::{DroppedManifest, PruneOptions, PrunePlan, PruneStep, Pruned};
use s3_build_cache::{CacheOptions, Error, ErrorKind, Result, S3Cache};
use serde_json::Value;

use crate::commands::buckets::{self, Done};
use crate::commands::caches::CacheArguments;
use crate::commands::command::{Command, Help, Run, Takes};
use crate::commands::ls::BUCKETS;
use crate::flags::Raw;
use crate::output::buckets::{ago, sum};
use crate::output::{exit, human, json};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    name: "prune",
    summary: "drop old manifests and delete unreferenced blobs",
    aliases: &["clean", "cleanup", "expire", "forget"],
    flags: &[
        Takes::flag("older-than"),
        Takes::flag("max-size"),
        Takes::flag("keep-last"),
        Takes::flag("keep"),
        Takes::flag("grace"),
        Takes::flag("now"),
        Takes::flag("force"),
        Takes::flag("dry-run"),
    ],
    help: Help {
        about: "Drop the manifests that every given rule selects, and delete blobs that no manifest references, in \
                two runs: one records the unreferenced blobs, and the first run after --grace deletes them.",
        usage: "ATTRS... [--older-than D] [--max-size S]",
        is_listed: true,
        arguments: &[BUCKETS],
        global: &["progress", "json", "quiet", "verbose", "jobs"],
        notes: "name= limits which manifests may be dropped; all others keep their blobs. Pass caches that share blobs \
                together. The grace must be longer than the longest touch_refresh of any export plus the longest build. \
                Even with --now, blobs modified within the grace stay. The exit status is 5 if a manifest cannot be \
                read, or lost a blob to a race.",
        examples: &[
            "s3-build-cache prune --older-than 336h --keep main \\\n  type=s3,region=eu-west-1,bucket=my-cache",
            "s3-build-cache prune --older-than 72h --dry-run \\\n  \
             'type=s3,region=eu-west-1,bucket=my-cache,name=pr-*'",
        ],
    },
    run: Run::Task { run, nothing_done: buckets::nothing },
};

const ARGUMENTS: CacheArguments = CacheArguments::attributes(COMMAND.name);

fn run(raw: Raw) -> Result<ExitCode> {
    let caches: Vec<CacheOptions> = ARGUMENTS.several(&raw.positional)?.iter().map(CacheOptions::signed).collect();
    let options = options(&raw)?;
    let dry_run = raw.dry_run;
    let session = Session::start(COMMAND.name, raw.global, Some("pruning"))?;
    let groups = groups(&caches);
    let firsts: Vec<CacheOptions> =
        groups.iter().filter_map(|group| group.first().map(|first| (*first).clone())).collect();
    let usual = if dry_run { "dry-run" } else { "pruned" };
    let all = buckets::for_each(&session, &firsts, usual, &mut |cache| {
        let group = groups.iter().find(|group| group.first() == Some(&cache.options()));
        let others = group.iter().flat_map(|group| group.iter().skip(1));
        let others = others.map(|other| session.open(other)).collect::<Result<Vec<S3Cache>>>()?;
        prune(&session, cache, &others, &options, dry_run)
    });
    Ok(session.end(all.outcome, all.body, None, all.status))
}

fn options(raw: &Raw) -> Result<PruneOptions> {
    if raw.keep.iter().any(String::is_empty) {
        return Err(Error::usage("--keep is empty").with_hint("pass a name, or a pattern such as release-*"));
    }
    let mut options = PruneOptions::new().keep_last(raw.keep_last).now(raw.now).force(raw.force);
    options.older_than = raw.older_than;
    options.max_size = raw.max_size;
    options.keep = Some(&raw.keep).filter(|keep| !keep.is_empty()).map(Names::matching);
    options.grace = raw.grace.unwrap_or(options.grace);
    Ok(options)
}

/// Returns the caches in groups that share their blobs.
fn groups(caches: &[CacheOptions]) -> Vec<Vec<&CacheOptions>> {
    let mut groups: Vec<Vec<&CacheOptions>> = Vec::new();
    for cache in caches {
        let shares = |other: &CacheOptions| {
            let blobs = |cache: &CacheOptions| format!("{}{}", cache.keys().prefix, cache.keys().blobs_prefix);
            other.location() == cache.location() && blobs(other) == blobs(cache)
        };
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| shares(first))) {
            Some(group) => group.push(cache),
            None => groups.push(vec![cache]),
        }
    }
    groups
}

fn prune(
    session: &Session,
    cache: &S3Cache,
    others: &[S3Cache],
    options: &PruneOptions,
    dry_run: bool,
) -> Result<Done> {
    let plan = cache.plan_prune(others, options)?;
    session.say(&cache.location());
    plan_lines(&plan, options).iter().for_each(|line| session.say(line));
    let mut body = plan_json(&plan);
    if dry_run {
        return Ok(Done { outcome: "dry-run", body: body.into(), status: 0 });
    }
    let pruned = cache.prune(plan, |step| match step {
        PruneStep::Dropped(name) => session.say(&format!("dropped {}", printable(name))),
        PruneStep::Kept(name) => session.say(&format!("kept {}, which was written meanwhile", printable(name))),
        _ => {}
    })?;
    session.say(&summary(&pruned));
    for lost in &pruned.lost {
        let error = Error::integrity(format!("{} names {}, which was deleted", lost.manifest, lost.blob));
        session.complain(
            "",
            &error.with_hint("export the cache again under this name; BuildKit wrote it during the pruning"),
        );
    }
    if let Value::Object(fields) = &mut body {
        fields.insert("result".to_owned(), result(&pruned));
    }
    let (outcome, status) =
        if pruned.lost.is_empty() { ("pruned", 0) } else { ("damaged", exit::status(ErrorKind::Integrity)) };
    Ok(Done { outcome, body: body.into(), status })
}

/// Returns what will be done, in words.
fn plan_lines(plan: &PrunePlan, options: &PruneOptions) -> Vec<String> {
    let dropped =
        |manifest: &DroppedManifest| format!("drop {} (written {})", printable(&manifest.name), ago(manifest.age));
    let mut lines: Vec<String> = plan.dropped.iter().map(dropped).collect();
    lines.push(format!("{} of {} to drop", plan.dropped.len(), human::count(plan.manifests, "manifest", "manifests")));
    let hours = options.grace.as_secs().div_ceil(3600);
    for (sum, what) in [
        (plan.deleted, "to delete now".to_owned()),
        (plan.waiting, "to delete later, recorded by earlier runs".to_owned()),
        (plan.recorded, format!("to record, and to delete by a run in {hours} h or later")),
        (plan.referenced, "in use".to_owned()),
    ] {
        lines.push(format!("{} {what}", amount(sum)));
    }
    if plan.uploads > 0 {
        lines.push(format!("{} to abort", human::count(plan.uploads, "unfinished upload", "unfinished uploads")));
    }
    lines
}

fn amount(sum: BlobSum) -> String {
    human::sized_blobs(sum.blobs, sum.bytes)
}

fn summary(pruned: &Pruned) -> String {
    let spared = match pruned.spared.blobs {
        0 => String::new(),
        _ => format!(" · spared {}, in use again", amount(pruned.spared)),
    };
    format!(
        "dropped {} · deleted {}{spared} · recorded {} · {} in {}",
        human::count(pruned.dropped.len(), "manifest", "manifests"),
        amount(pruned.deleted),
        amount(pruned.recorded),
        human::count(pruned.requests, "request", "requests"),
        human::duration(pruned.elapsed),
    )
}

fn plan_json(plan: &PrunePlan) -> Value {
    let dropped = |manifest: &DroppedManifest| {
        json!({"name": manifest.name, "location": manifest.location, "size": manifest.size,
               "age_seconds": manifest.age.map(|age| age.as_secs())})
    };
    json!({
        "manifests": plan.manifests,
        "dropped": plan.dropped.iter().map(dropped).collect::<Vec<Value>>(),
        "total": sum(plan.total),
        "referenced": sum(plan.referenced),
        "deleted": sum(plan.deleted),
        "waiting": sum(plan.waiting),
        "recorded": sum(plan.recorded),
        "uploads": plan.uploads,
    })
}

fn result(pruned: &Pruned) -> Value {
    let lost = pruned.lost.iter().map(|lost| json!({"manifest": lost.manifest, "blob": lost.blob.to_string()}));
    json!({
        "dropped": pruned.dropped,
        "kept": pruned.kept,
        "deleted": sum(pruned.deleted),
        "spared": sum(pruned.spared),
        "waiting": sum(pruned.waiting),
        "recorded": sum(pruned.recorded),
        "uploads": pruned.uploads,
        "lost": lost.collect::<Vec<Value>>(),
    })
}
