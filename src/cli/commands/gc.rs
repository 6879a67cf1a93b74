//! The command `gc`.

use std::process::ExitCode;

use s3_build_cache::layout::GcOptions;
use s3_build_cache::{Error, LocalCache, Result};
use serde_json::Value;

use crate::commands::caches::CacheArguments;
use crate::commands::command::{Argument, Command, Help, Run, Takes};
use crate::flags::{Raw, Values};
use crate::output::human;
use crate::output::json;
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    name: "gc",
    summary: "remove unused blobs from a local cache directory",
    aliases: &["shrink", "compact"],
    flags: &[Takes::flag("keep-tag"), Takes::flag("dry-run")],
    help: Help {
        about: "Remove the blobs of a local cache directory that no entry of its index reaches, and leftovers of \
                killed runs.",
        usage: "DIR [--keep-tag TAG]...",
        is_listed: true,
        arguments: &[Argument {
            name: "DIR",
            help: "a directory written by docker buildx or import",
            values: Values::Directory,
        }],
        global: &["json", "quiet", "verbose"],
        notes: "No build or import may write to the directory meanwhile.",
        examples: &["s3-build-cache gc cache", "s3-build-cache gc cache --keep-tag latest --dry-run"],
    },
    run: Run::Task { run, nothing_done: nothing },
};

const ARGUMENTS: CacheArguments = CacheArguments { command: COMMAND.name, positional: "a directory", option: None };

fn nothing() -> Value {
    json!({"entries": 0, "blobs": 0, "bytes": 0, "kept": 0})
}

fn run(raw: Raw) -> Result<ExitCode> {
    let local = ARGUMENTS.local(ARGUMENTS.single(raw.positional, &[])?, None)?;
    if raw.keep_tag.iter().any(String::is_empty) {
        return Err(Error::usage("--keep-tag is empty").with_hint("pass a tag of the directory, such as latest"));
    }
    let options = GcOptions::new().keep_tags(raw.keep_tag).dry_run(raw.dry_run);
    let session = Session::start(COMMAND.name, raw.global, None)?;
    let collected = LocalCache::open(local.dir, local.tag)?.collect_garbage(&options)?;
    let (verb, outcome) = if options.dry_run { ("would remove", "dry-run") } else { ("removed", "collected") };
    let entries = match collected.entries {
        0 => String::new(),
        count => human::count(count, "entry and ", "entries and "),
    };
    session.say(&format!(
        "{verb} {entries}{} · {} kept",
        human::sized_blobs(collected.blobs, collected.bytes),
        collected.kept
    ));
    let body = json!({
        "entries": collected.entries,
        "blobs": collected.blobs,
        "bytes": collected.bytes,
        "kept": collected.kept,
    });
    Ok(session.end(outcome, body, None, 0))
}
