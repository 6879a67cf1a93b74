//! The command `doctor`.

use std::ffi::OsString;
use std::process::ExitCode;

use s3_build_cache::doctor::{Check, CheckOutcome, DoctorOptions};
use s3_build_cache::error::printable;
use s3_build_cache::{CacheOptions, Error, ErrorKind, Result};
use serde_json::Value;

use crate::commands::caches::{CacheArguments, s3_cache};
use crate::commands::command::{Argument, Command, Help, Run, Takes};
use crate::flags::{Global, Raw, Values};
use crate::output::color::{self, GREEN, RED};
use crate::output::{advice, exit, json};
use crate::session::Session;
use crate::variables::ATTRIBUTES;

pub(super) const COMMAND: Command = Command {
    name: "doctor",
    summary: "check each step needed to reach a cache and suggest fixes",
    aliases: &["check", "diagnose", "test"],
    flags: &[
        Takes::with_help("cache-to", "the cache, in place of the argument"),
        Takes::with_help("cache-from", "the cache, in place of the argument"),
        Takes::flag("write"),
    ],
    help: Help {
        about: "Check each step needed to reach a cache and suggest fixes: settings, endpoint, DNS, TCP, proxy, TLS, \
                clock, credentials, bucket, permissions.",
        usage: "ATTRS",
        is_listed: true,
        arguments: &[Argument { name: "ATTRS", help: "the attributes of a cache", values: Values::Any }],
        global: &["json", "quiet", "verbose"],
        notes: "Each line reports one step: \u{2713} passed, \u{2717} failed, - skipped. The exit status is 0 if \
                nothing failed, 4 if access was denied, otherwise that of the first failed check.",
        examples: &[
            "s3-build-cache doctor type=s3,region=eu-west-1,bucket=my-cache,name=app",
            "s3-build-cache doctor --write \\\n  \
             type=s3,bucket=cache,endpoint_url=https://s3.example.com,use_path_style=true",
        ],
    },
    run: Run::Task { run, nothing_done: || body(&[], &[]) },
};

const ARGUMENTS: CacheArguments = CacheArguments::attributes(COMMAND.name);

/// The width of the longest check name.
const NAME_WIDTH: usize = 11;

/// The checked arguments.
struct Doctor {
    cache: CacheOptions,
    write: bool,
    /// The attributes that the cache got from the defaults.
    defaulted: Vec<&'static str>,
    global: Global,
}

impl Doctor {
    /// The cache may also be given in the option syntax of a build.
    fn parse(raw: Raw) -> Result<Self> {
        if raw.write && !raw.cache_from.is_empty() {
            return Err(Error::usage("--write tests an export, and --cache-from is for an import")
                .with_hint("use --cache-to, or remove --write"));
        }
        let mut options = raw.cache_to.into_iter().chain(raw.cache_from).map(OsString::from);
        let attributes = match options.next() {
            None => ARGUMENTS.single(raw.positional, &[])?,
            Some(cache) => match raw.positional.into_iter().next().or_else(|| options.next()) {
                None => cache,
                // The message must not show it, because attributes may include a secret.
                Some(_) => {
                    let error = Error::usage("unexpected argument: doctor takes one cache");
                    return Err(error.with_hint("run doctor once for each cache"));
                }
            },
        };
        let cache = s3_cache(COMMAND.name, &attributes)?;
        Ok(Self { cache, write: raw.write, defaulted: raw.defaulted, global: raw.global })
    }
}

/// Checks every step on the way to the cache, and prints each result as soon as it is known.
fn run(raw: Raw) -> Result<ExitCode> {
    let command = Doctor::parse(raw)?;
    let session = Session::start(COMMAND.name, command.global, None)?;
    let Global { json, quiet, .. } = command.global;
    let mut checks = Vec::new();
    if !command.defaulted.is_empty() {
        session.say(&format!("{} from {ATTRIBUTES}", command.defaulted.join(", ")));
    }
    session.builder(&command.cache).diagnose(&DoctorOptions::new().write(command.write), |check| {
        if !json && (!quiet || error(check).is_some()) {
            session.print(&lines(check));
        }
        checks.push(check.clone());
    });
    let failures: Vec<ErrorKind> = checks.iter().filter_map(error).map(Error::kind).collect();
    session.say(&conclusion(&checks, failures.len()));
    // Denied access takes precedence over other failures, because retrying a CI job does not fix it.
    let access = failures.iter().find(|kind| **kind == ErrorKind::Access);
    let status = access.or(failures.first()).map_or(0, |kind| exit::status(*kind));
    let outcome = if failures.is_empty() { "passed" } else { "failed" };
    Ok(session.end(outcome, body(&checks, &command.defaulted), None, status))
}

fn error(check: &Check) -> Option<&Error> {
    match &check.outcome {
        CheckOutcome::Failed(error) => Some(error),
        _ => None,
    }
}

fn has_passed(check: &Check) -> bool {
    matches!(check.outcome, CheckOutcome::Passed)
}

/// Returns the fix or the note, with the flags that apply it.
fn hint(check: &Check) -> Option<String> {
    check.hint.as_deref().map(advice::with_flags)
}

/// Returns the last line.
fn conclusion(checks: &[Check], failed: usize) -> String {
    let remarked = checks.iter().any(|check| has_passed(check) && check.hint.is_some());
    match failed {
        0 if remarked => "no check failed; see the note above".to_owned(),
        0 => "all checks passed".to_owned(),
        1 => "1 check failed".to_owned(),
        failed => format!("{failed} checks failed"),
    }
}

fn lines(check: &Check) -> String {
    let mark = match check.outcome {
        CheckOutcome::Passed => color::on_stdout("\u{2713}", GREEN),
        CheckOutcome::Failed(_) => color::on_stdout("\u{2717}", RED),
        _ => "-".to_owned(),
    };
    let (name, detail) = (check.name, printable(&check.detail));
    let label = if has_passed(check) { "note" } else { "fix" };
    let fix = hint(check).map(|hint| format!("  {label}: {}\n", printable(&hint)));
    format!("{mark} {name:NAME_WIDTH$} {detail}\n{}", fix.unwrap_or_default())
}

/// Returns the JSON body: every check, the attributes that the cache got from the defaults, and the facts about the
/// endpoint once they are known.
fn body(checks: &[Check], defaulted: &[&str]) -> Value {
    let check = |check: &Check| {
        let (outcome, kind) = match &check.outcome {
            CheckOutcome::Passed => ("passed", None),
            CheckOutcome::Failed(error) => ("failed", Some(error.kind().as_str())),
            _ => ("skipped", None),
        };
        json!({"name": check.name, "outcome": outcome, "detail": check.detail, "kind": kind, "hint": hint(check)})
    };
    let listed: Vec<Value> = checks.iter().map(check).collect();
    let mut body = json!({"checks": listed, "defaulted": defaulted.to_vec()});
    if let Some(body) = body.as_object_mut() {
        let facts = checks.iter().flat_map(|check| &check.facts);
        body.extend(facts.map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))));
    }
    body
}
