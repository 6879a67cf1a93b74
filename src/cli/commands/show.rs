//! The command `show`.

use std::ffi::OsString;
use std::process::ExitCode;

use s3_build_cache::error::printable;
use s3_build_cache::inspect::{BlobState, LayerDetails, LeafDetails, ManifestDetails, Names};
use s3_build_cache::{CacheOptions, Error, Result, S3Cache};
use serde_json::Value;

use crate::commands::buckets::{self, Done};
use crate::commands::caches::{CacheArguments, is_attributes};
use crate::commands::command::{Argument, Command, Help, Run};
use crate::commands::ls::BUCKETS;
use crate::flags::{Raw, Values};
use crate::output::buckets::{ago, details, since};
use crate::output::color::{self, RED};
use crate::output::{exit, failure, human, json, tree};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    name: "show",
    summary: "show the layers of a manifest, and which blobs are missing",
    aliases: &["inspect", "cat", "describe"],
    flags: &[],
    help: Help {
        about: "Show a manifest: its layers with sizes and ages, its leaves and when each was last exported, and which \
                blobs are missing.",
        usage: "[NAME] ATTRS...",
        is_listed: true,
        arguments: &[
            Argument {
                name: "NAME",
                help: "the name of a manifest, or a pattern; in place of name= in ATTRS",
                values: Values::Any,
            },
            BUCKETS,
        ],
        global: &["progress", "json", "quiet", "verbose", "jobs"],
        notes: "Each layer builds on the one in the line above, or in the line where its branch begins.",
        examples: &[
            "s3-build-cache show main type=s3,region=eu-west-1,bucket=my-cache",
            "s3-build-cache show type=s3,region=eu-west-1,bucket=my-cache,name=main",
        ],
    },
    run: Run::Task { run, nothing_done: buckets::nothing },
};

const ARGUMENTS: CacheArguments = CacheArguments::attributes(COMMAND.name);

fn run(raw: Raw) -> Result<ExitCode> {
    let (name, attributes) = name(raw.positional)?;
    let caches: Vec<CacheOptions> = ARGUMENTS.several(&attributes)?;
    if name.is_some() && caches.iter().any(|cache| cache.keys().names_given) {
        let error = Error::usage("NAME and name= both select manifests");
        return Err(error.with_hint("use only one of them"));
    }
    let session = Session::start(COMMAND.name, raw.global, Some("listing"))?;
    let all = buckets::for_each(&session, &caches, "shown", &mut |cache| {
        let names = name.as_ref().map_or_else(|| Names::of(cache.options().keys()), |name| Names::matching([name]));
        show(&session, cache, &names)
    });
    Ok(session.end(all.outcome, all.body, None, all.status))
}

/// Splits off the name, if the first argument is not attributes.
fn name(mut positional: Vec<OsString>) -> Result<(Option<String>, Vec<OsString>)> {
    let is_name = positional.first().is_some_and(|first| !is_attributes(&first.to_string_lossy()));
    if !is_name {
        return Ok((None, positional));
    }
    let name = positional.remove(0).into_string();
    let name = name.map_err(|_| Error::usage("the name is not UTF-8").with_hint("names are UTF-8"))?;
    if name.is_empty() {
        return Err(Error::usage("the name is empty").with_hint("leave it out to show all manifests"));
    }
    Ok((Some(name), positional))
}

fn show(session: &Session, cache: &S3Cache, names: &Names) -> Result<Done> {
    let (listed, absent) = cache.manifest_names(names)?;
    let (mut shown, mut status) = (Vec::<Value>::new(), buckets::absent(session, cache, &absent));
    for name in listed {
        match cache.show_manifest(&name) {
            Ok(Some(manifest)) => {
                lines(&manifest).iter().for_each(|line| session.say(line));
                shown.push(session.json(|| details(&manifest)));
            }
            Ok(None) => {}
            Err(error @ Error::Integrity(_)) => {
                session.complain("", &error);
                status = if status == 0 { exit::status(error.kind()) } else { status };
                shown.push(json!({"name": name, "error": failure::json(&error)}));
            }
            Err(error) => return Err(error),
        }
    }
    if shown.is_empty() && absent.is_empty() {
        session.say(&format!("no manifests in {}", cache.location()));
    }
    let outcome = if status == 0 { "shown" } else { "failed" };
    Ok(Done { outcome, body: json!({"manifests": shown, "absent": absent}).into(), status })
}

fn lines(manifest: &ManifestDetails) -> Vec<String> {
    let bytes = manifest.layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
    let lost = manifest.layers.iter().filter(|layer| layer.state != BlobState::Present).count();
    let lost = match lost {
        0 => "nothing missing".to_owned(),
        lost => color::on_stdout(&format!("{} cannot be used", human::count(lost, "layer", "layers")), RED),
    };
    let mut lines = vec![
        printable(&manifest.location),
        format!(
            "written {} · {}, {} · {} · {lost}",
            ago(manifest.age),
            human::count(manifest.layers.len(), "layer", "layers"),
            human::size(bytes),
            human::count(manifest.records, "record", "records")
        ),
        format!("leaves ({})", manifest.leaves.len()),
    ];
    lines.extend(tree::lines(&manifest.leaves.iter().map(|one| (leaf(one), None)).collect::<Vec<_>>()));
    lines.push(format!("layers ({})", manifest.layers.len()));
    lines.extend(tree::lines(&manifest.layers.iter().map(|one| (layer(one), one.parent)).collect::<Vec<_>>()));
    lines
}

fn leaf(leaf: &LeafDetails) -> String {
    let short: String = printable(&leaf.digest).chars().take(19).collect();
    let time = match (leaf.exported, leaf.built) {
        (Some(exported), _) => format!("exported {}", since(exported)),
        (None, Some(built)) => format!("built {}", since(built)),
        (None, None) => String::new(),
    };
    let results = if leaf.results == 0 { "  without a result of its own" } else { "" };
    format!("{short}  {time}{results}")
}

fn layer(layer: &LayerDetails) -> String {
    let short = layer.blob.short();
    let age = layer.stored.map_or_else(String::new, |stored| ago(stored.age));
    let state = match layer.state {
        BlobState::Present => String::new(),
        BlobState::WrongSize => {
            let size = layer.stored.map_or(0, |stored| stored.size);
            format!("  {}", color::on_stdout(&format!("wrong size: {size} bytes"), RED))
        }
        state => format!("  {}", color::on_stdout(state.as_str(), RED)),
    };
    format!("{short}  {:>9}  {age:>11}{state}", human::size(layer.size))
}
