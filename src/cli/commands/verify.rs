//! The command `verify`.

use std::process::ExitCode;
use std::sync::Arc;

use s3_build_cache::error::printable;
use s3_build_cache::inspect::Names;
use s3_build_cache::verify::{Defect, Finding, RepairPlan, RepairStep, Verification};
use s3_build_cache::{CacheOptions, Error, ErrorKind, Result, S3Cache};
use serde_json::Value;

use crate::commands::buckets::{self, Done};
use crate::commands::caches::CacheArguments;
use crate::commands::command::{Command, Help, Run, Takes};
use crate::commands::ls::BUCKETS;
use crate::flags::Raw;
use crate::output::color::{self, RED};
use crate::output::json::{Elements, Object};
use crate::output::{exit, failure, human, json};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    name: "verify",
    summary: "find missing and corrupt blobs, and repair manifests",
    aliases: &["fsck", "validate"],
    flags: &[Takes::flag("deep"), Takes::flag("repair"), Takes::with_help("dry-run", "print what --repair would do")],
    help: Help {
        about: "Check that every manifest is valid, and that the bucket has all of its blobs, with the right sizes.",
        usage: "ATTRS...",
        is_listed: true,
        arguments: &[BUCKETS],
        global: &["progress", "json", "quiet", "verbose", "jobs"],
        notes: "--repair leaves manifests alone that changed meanwhile, and deletes no blob that a manifest still \
                references. The exit status is 5 if anything is still wrong at the end.",
        examples: &[
            "s3-build-cache verify type=s3,region=eu-west-1,bucket=my-cache",
            "s3-build-cache verify --deep --repair \\\n  type=s3,region=eu-west-1,bucket=my-cache,name=main",
        ],
    },
    run: Run::Task { run, nothing_done: buckets::nothing },
};

const ARGUMENTS: CacheArguments = CacheArguments::attributes(COMMAND.name);

/// What to do besides the check.
#[derive(Clone, Copy, PartialEq)]
enum Repair {
    No,
    DryRun,
    Yes,
}

fn run(raw: Raw) -> Result<ExitCode> {
    let mut caches: Vec<CacheOptions> = ARGUMENTS.several(&raw.positional)?;
    let repair = match (raw.repair, raw.dry_run) {
        (false, false) => Repair::No,
        (false, true) => {
            return Err(
                Error::usage("--dry-run has no effect without --repair").with_hint("leave it out, or add --repair")
            );
        }
        (true, true) => Repair::DryRun,
        (true, false) => Repair::Yes,
    };
    if repair == Repair::Yes {
        caches = caches.iter().map(CacheOptions::signed).collect();
    }
    let session = Session::start(COMMAND.name, raw.global, Some("checking"))?;
    let several = caches.len() > 1;
    let usual = if repair == Repair::DryRun { "dry-run" } else { "clean" };
    let all = buckets::for_each(&session, &caches, usual, &mut |cache| {
        if several {
            session.say(&cache.location());
        }
        verify(&session, cache, raw.deep, repair)
    });
    Ok(session.end(all.outcome, all.body, None, all.status))
}

fn verify(session: &Session, cache: &S3Cache, deep: bool, repair: Repair) -> Result<Done> {
    let verification = cache.verify(&Names::of(cache.options().keys()), deep)?;
    verification.findings.iter().for_each(|finding| session.say(&line(cache, finding)));
    session.say(&summary(&verification));
    let plan = if repair == Repair::No { RepairPlan::default() } else { verification.plan() };
    plan.steps.iter().for_each(|step| session.say(&format!("would {}", words(step, ["rewrite", "delete"]))));
    let mut steps = Vec::new();
    let mut repaired = None;
    if repair == Repair::Yes && !plan.steps.is_empty() {
        let remaining = cache.repair(&plan, |step| {
            session.say(&words(step, ["rewrote", "deleted"]));
            steps.push(step.clone());
        })?;
        session.say(&match remaining.len() {
            0 => "nothing is wrong any more".to_owned(),
            count => human::count(count, "finding remains", "findings remain"),
        });
        repaired = Some(remaining);
    }
    let Verification { manifests, blobs, bytes_read, findings, .. } = verification;
    let is_clean = findings.is_empty();
    let findings: Arc<[Finding]> = findings.into();
    let remaining = repaired.map_or_else(|| findings.clone(), Arc::from);
    let outcome = match (repair, remaining.is_empty()) {
        (Repair::DryRun, _) => "dry-run",
        (_, false) => "damaged",
        (_, true) if is_clean => "clean",
        (_, true) => "repaired",
    };
    let status = if remaining.is_empty() { 0 } else { exit::status(ErrorKind::Integrity) };
    let planned = if repair == Repair::DryRun { plan.steps } else { steps };
    let fields = json!({"manifests": manifests, "blobs": blobs, "bytes_read": bytes_read});
    let arrays = vec![
        ("findings", array(cache, findings, finding)),
        ("steps", array(cache, planned.into(), |_, one| step(one))),
        ("remaining", array(cache, remaining, finding)),
    ];
    Ok(Done { outcome, body: Object { fields, arrays }, status })
}

/// Returns an array of these items. There may be very many.
fn array<T: 'static>(cache: &S3Cache, items: Arc<[T]>, json: fn(&S3Cache, &T) -> Value) -> Elements {
    let cache = cache.clone();
    Box::new(move |each| items.iter().for_each(|item| each(&json(&cache, item).into())))
}

fn summary(verification: &Verification) -> String {
    let findings = match verification.findings.len() {
        0 => "nothing is wrong".to_owned(),
        count => human::count(count, "finding", "findings"),
    };
    let read = match verification.bytes_read {
        0 => String::new(),
        bytes => format!(", {} read", human::size(bytes)),
    };
    format!(
        "checked {} and {}{read} · {findings} · {} in {}",
        human::count(verification.manifests, "manifest", "manifests"),
        human::blobs(verification.blobs),
        human::count(verification.requests, "request", "requests"),
        human::duration(verification.elapsed)
    )
}

fn line(cache: &S3Cache, finding: &Finding) -> String {
    let what = match &finding.defect {
        Defect::AbsentManifest => "absent".to_owned(),
        Defect::UnreadableManifest(error) | Defect::Unreadable(error) => format!("unreadable: {}", error.chain()),
        Defect::WrongSize { expected, stored } => format!("wrong size: {stored} bytes, not {expected}"),
        defect => defect.as_str().to_owned(),
    };
    let names = match finding.blob {
        Some(_) if !finding.manifests.is_empty() => format!(" (in {})", human::few(&finding.manifests)),
        _ => String::new(),
    };
    let text = printable(&format!("{}{names}: {what}", cache.location_of(finding)));
    format!("{} {text}", color::on_stdout("\u{2717}", RED))
}

/// Returns a step in words. `doing` are the verbs of rewriting and deleting.
fn words(step: &RepairStep, doing: [&str; 2]) -> String {
    let [rewrite, delete] = doing;
    match step {
        RepairStep::Rewrite { name, lost } => {
            format!("{rewrite} {} without {}", printable(name), human::blobs(*lost))
        }
        RepairStep::Delete { blob } => format!("{delete} {blob}"),
        _ => String::new(),
    }
}

fn step(step: &RepairStep) -> Value {
    match step {
        RepairStep::Rewrite { name, lost } => json!({"action": "rewrite", "name": name, "lost": lost}),
        RepairStep::Delete { blob } => json!({"action": "delete", "blob": blob.to_string()}),
        _ => Value::Null,
    }
}

fn finding(cache: &S3Cache, finding: &Finding) -> Value {
    let sizes = match finding.defect {
        Defect::WrongSize { expected, stored } => Some((expected, stored)),
        _ => None,
    };
    json!({
        "defect": finding.defect.as_str(),
        "blob": finding.blob.map(|blob| blob.to_string()),
        "location": cache.location_of(finding),
        "manifests": finding.manifests.iter().map(|name| &**name).collect::<Vec<&str>>(),
        "expected_size": sizes.map(|(expected, _)| expected),
        "stored_size": sizes.map(|(_, stored)| stored),
        "error": finding.defect.error().map(failure::json),
    })
}
