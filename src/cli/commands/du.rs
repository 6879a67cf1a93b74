//! The command `du`.

use std::fs;
use std::process::ExitCode;

use s3_build_cache::inspect::{BlobSum, DiskUsage, ManifestSummary, Names, html_page};
use s3_build_cache::{CacheOptions, Error, Result, S3Cache};

use crate::commands::buckets::{self, Done};
use crate::commands::caches::CacheArguments;
use crate::commands::command::{Command, Help, Run, Takes};
use crate::commands::ls::{BUCKETS, missing, warn_unreadable};
use crate::flags::Raw;
use crate::output::buckets::{ago, usage};
use crate::output::{exit, human, table};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    name: "du",
    summary: "show which manifests fill a bucket, also as an HTML page",
    aliases: &["usage-of", "stats", "size"],
    flags: &[Takes::flag("html")],
    help: Help {
        about: "Show what fills a bucket: the bytes that each manifest uses alone, that several share, and that none \
                uses.",
        usage: "ATTRS...",
        is_listed: true,
        arguments: &[BUCKETS],
        global: &["progress", "json", "quiet", "verbose", "jobs"],
        notes: "Removing a manifest and then pruning the bucket frees the bytes under OWN.",
        examples: &[
            "s3-build-cache du type=s3,region=eu-west-1,bucket=my-cache",
            "s3-build-cache du type=s3,region=eu-west-1,bucket=my-cache --html usage.html",
        ],
    },
    run: Run::Task { run, nothing_done: buckets::nothing },
};

const ARGUMENTS: CacheArguments = CacheArguments::attributes(COMMAND.name);

fn run(raw: Raw) -> Result<ExitCode> {
    let caches: Vec<CacheOptions> = ARGUMENTS.several(&raw.positional)?;
    let html = raw.html;
    if html.as_deref() == Some("") {
        return Err(Error::usage("--html is empty").with_hint("pass the name of the file to write"));
    }
    let session = Session::start(COMMAND.name, raw.global, Some("listing"))?;
    let mut measured = Vec::new();
    let all = buckets::for_each(&session, &caches, "measured", &mut |cache| {
        let found = cache.disk_usage(&Names::of(cache.options().keys()))?;
        let done = show(&session, cache, &found);
        if html.is_some() {
            measured.push((cache.location(), found));
        }
        Ok(done)
    });
    if let Some(path) = html.filter(|_| !measured.is_empty()) {
        if let Err(error) = fs::write(&path, html_page(&measured)) {
            let error = Error::io("write", &path, error);
            session.complain("", &error);
            let status = if all.status == 0 { exit::status(error.kind()) } else { all.status };
            return Ok(session.end("failed", all.body, Some(&error), status));
        }
        session.say(&format!("wrote {path}"));
    }
    Ok(session.end(all.outcome, all.body, None, all.status))
}

fn show(session: &Session, cache: &S3Cache, found: &DiskUsage) -> Done {
    session.say(&cache.location());
    let sum = |label: &str, sum: BlobSum| vec![label.to_owned(), human::size(sum.bytes), human::blobs(sum.blobs)];
    let mut rows = vec![
        sum("total", found.total),
        sum("  used by one name", found.own()),
        sum("  shared by several names", found.shared),
        sum("  used by none", found.unreferenced),
    ];
    if found.others.blobs > 0 {
        rows.push(vec![
            "objects that are not blobs".to_owned(),
            human::size(found.others.bytes),
            human::count(found.others.blobs, "object", "objects"),
        ]);
    }
    table::lines(&rows).iter().for_each(|line| session.say(line));
    let manifests = found.largest_first();
    if !manifests.is_empty() {
        session.say("");
        table::lines(&names(&manifests)).iter().for_each(|line| session.say(line));
    }
    warn_unreadable(&found.manifests);
    if found.unread > 0 {
        let unread = human::count(found.unread, "manifest", "manifests");
        log::warn!("{unread} cannot be read: blobs in use may count as used by none");
    }
    let status = buckets::absent(session, cache, &found.absent);
    let outcome = if status == 0 { "measured" } else { "failed" };
    Done { outcome, body: session.json(|| usage(found)).into(), status }
}

fn names(manifests: &[&ManifestSummary]) -> Vec<Vec<String>> {
    let head = ["NAME", "OWN", "SHARED", "WRITTEN", "MISSING"].map(str::to_owned).to_vec();
    let row = |manifest: &&ManifestSummary| {
        vec![
            manifest.name.clone(),
            human::size(manifest.own.bytes),
            human::size(manifest.referenced.bytes.saturating_sub(manifest.own.bytes)),
            ago(manifest.age),
            missing(manifest),
        ]
    };
    std::iter::once(head).chain(manifests.iter().map(row)).collect()
}
