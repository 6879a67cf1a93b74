//! The command `run`.

use std::ffi::OsStr;
use std::fs;
use std::process::ExitCode;

use s3_build_cache::{Error, Result};

use crate::commands::command::{Argument, Command, Help, Run, Takes};
use crate::flags::{Global, Raw, Values};
use crate::logger;
use crate::output::{Envelope, exit, failure, github};
use crate::run::{Advertise, Direction, Finished, Guard, Request, S3Value, finished, nothing_done};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    name: "run",
    summary: "run a build that uses S3 caches, with any Docker driver",
    aliases: &["build", "exec", "with", "wrap"],
    flags: &[
        Takes::with_help("cache-to", "the cache for $S3_BUILD_CACHE_TO in COMMAND"),
        Takes::with_help(
            "cache-from",
            "the cache for $S3_BUILD_CACHE_FROM in COMMAND\ncan be repeated: the caches are merged",
        ),
        Takes::flag("advertise"),
        Takes::flag("summary"),
    ],
    help: Help {
        about: "Run a build that uses S3 caches, with any Docker driver: while COMMAND runs, this program serves the \
                caches to it as a registry. The exit status is that of COMMAND.",
        usage: "-- COMMAND...",
        is_listed: true,
        arguments: &[Argument {
            name: "COMMAND",
            help: "docker buildx build, docker build, docker buildx bake or buildctl build: their type=s3 options are \
                   rewritten;\nany other command with --cache-to or --cache-from",
            values: Values::CommandLine,
        }],
        global: &["quiet", "verbose", "jobs"],
        notes: "Credentials are checked first. A --cache-from that cannot be read is a warning; a --cache-to that cannot be \
                written is an error, unless it has ignore-error=true. A builder with a network of its own needs \
                --advertise.",
        examples: &[
            "s3-build-cache run -- docker buildx build --push -t user/image \\\n  \
             --cache-to type=s3,region=eu-west-1,bucket=my-cache,mode=max \\\n  \
             --cache-from type=s3,region=eu-west-1,bucket=my-cache .",
            "s3-build-cache run \\\n  --cache-from type=s3,region=eu-west-1,bucket=my-cache -- make",
        ],
    },
    run: Run::Task { run, nothing_done },
};

/// The checked arguments.
struct Order {
    request: Request,
    summary: Option<String>,
    global: Global,
}

impl Order {
    fn parse(raw: Raw) -> Result<Self> {
        if raw.global.json {
            return Err(Error::usage("run does not take --json: standard output belongs to the command")
                .with_hint("write the result to a file with --summary FILE"));
        }
        if raw.positional.is_empty() {
            return Err(Error::usage("run needs a command")
                .with_hint("s3-build-cache run -- docker buildx build --cache-from type=s3,… ."));
        }
        Ok(Self {
            request: Request {
                line: raw.positional,
                to: values(&raw.cache_to, Direction::To)?,
                from: values(&raw.cache_from, Direction::From)?,
                advertise: raw.advertise.as_deref().map(Advertise::parse).transpose()?,
                given: raw.given.iter().any(|flag| flag.starts_with("cache-")),
                defaults: raw.defaults,
            },
            summary: raw.summary,
            global: raw.global,
        })
    }
}

fn values(given: &[String], direction: Direction) -> Result<Vec<S3Value>> {
    let option = format!("--cache-{}", direction.as_str());
    let value = |text: &String| {
        S3Value::parse(OsStr::new(text))?.ok_or_else(|| {
            Error::usage(format!("{option} takes an S3 cache"))
                .with_hint(format!("write {option} type=s3,bucket=NAME,…"))
        })
    };
    given.iter().map(value).collect()
}

/// Runs the command, and reports what the server did.
fn run(raw: Raw) -> Result<ExitCode> {
    let Order { request, summary, global } = Order::parse(raw)?;
    let session = Session::without_signals(COMMAND.name, global);
    let guard = Guard::watch()?;
    let done = finished(request, &session, &guard);
    // First, because the summary lists its warnings too.
    if let Ok(done) = &done {
        github::append(COMMAND.name, outcome(done), logger::warning_count(), &done.body());
    }
    let written = summary.map_or(Ok(()), |file| write_summary(&file, done.as_ref()));
    if let Err(error) = &written {
        failure::print(error, "");
    }
    let Finished { status, error, .. } = done?;
    if let Some(error) = &error {
        failure::print(error, "");
    }
    Ok(ExitCode::from(if written.is_err() && status == 0 { exit::OTHER } else { status }))
}

fn outcome(done: &Finished) -> &'static str {
    if done.error.is_none() { "finished" } else { "failed" }
}

fn write_summary(file: &str, done: std::result::Result<&Finished, &Error>) -> Result<()> {
    let (outcome, error, body) = match done {
        Ok(done) => (outcome(done), done.error.as_ref(), done.body()),
        Err(error) => ("failed", Some(error), nothing_done()),
    };
    let (command, warnings, body) = (COMMAND.name, logger::warnings(), body.into());
    let summary = Envelope { command, outcome, warnings, error, body };
    fs::write(file, summary.line()).map_err(|error| Error::io("write", file, error))
}
