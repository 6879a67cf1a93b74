//! Suggests what the user probably meant by an unknown argument.

use std::ffi::OsString;

use s3_build_cache::{Error, Problem, Result, did_you_mean, question, s3_attribute};

use crate::help;

const OPTIONS: &[&str] = &[
    "--cache-to",
    "--cache-from",
    "--tag",
    "--fail-on-miss",
    "--strict",
    "--verify-existing",
    "--dry-run",
    "--write",
    "--progress",
    "--json",
    "--quiet",
    "--verbose",
    "--jobs",
    "--help",
    "--version",
];
/// Names of the options in other tools.
const OPTION_ALIASES: &[(&str, &str)] = &[
    ("check", "--dry-run"),
    ("concurrency", "--jobs"),
    ("connections", "--jobs"),
    ("debug", "--verbose"),
    ("dest", "--cache-to"),
    ("destination", "--cache-to"),
    ("format", "--json"),
    ("from", "--cache-from"),
    ("no-progress", "--progress=quiet"),
    ("output", "--cache-to"),
    ("parallel", "--jobs"),
    ("silent", "--quiet"),
    ("source", "--cache-from"),
    ("src", "--cache-from"),
    ("target", "--cache-to"),
    ("threads", "--jobs"),
    ("to", "--cache-to"),
    ("usage", "--help"),
    ("what-if", "--dry-run"),
    ("workers", "--jobs"),
];
const COMMANDS: &[&str] = &["export", "import", "doctor", "help"];
/// Names of the commands in other tools.
const COMMAND_ALIASES: &[(&str, &str)] = &[
    ("check", "doctor"),
    ("diagnose", "doctor"),
    ("download", "import"),
    ("fetch", "import"),
    ("get", "import"),
    ("load", "import"),
    ("pull", "import"),
    ("push", "export"),
    ("put", "export"),
    ("restore", "import"),
    ("save", "export"),
    ("store", "export"),
    ("test", "doctor"),
    ("upload", "export"),
    ("usage", "help"),
    ("version", "--version"),
];
/// Attributes with secret values.
const SECRET: &[&str] = &["secret_access_key", "session_token"];

/// Reports an option that does not exist.
pub(crate) fn unknown_option(name: &str) -> Error {
    let word = name.trim_start_matches('-');
    // A single letter is close to everything.
    let known = if name.starts_with("--") { did_you_mean(word, OPTIONS, OPTION_ALIASES) } else { Vec::new() };
    let hint = question(&known).or_else(|| {
        let attribute = s3_attribute(word).filter(|_| word.len() > 1)?;
        Some(format!("{attribute} is an attribute: --cache-to type=s3,{attribute}=…, or --cache-from"))
    });
    usage(
        format!("unknown option {name}"),
        hint.unwrap_or_else(|| "s3-build-cache --help lists the options".to_owned()),
    )
}

/// Reports a long option with one dash, which would be read as a row of short ones.
pub(crate) fn check_dashes(arguments: &[OsString]) -> Result<()> {
    let words = arguments.iter().take_while(|argument| *argument != "--").filter_map(|argument| argument.to_str());
    let mut long = words.filter_map(|word| word.strip_prefix('-').filter(|name| name.len() > 1));
    match long.find(|name| OPTIONS.iter().any(|option| option.strip_prefix("--") == Some(name))) {
        Some(name) => Err(usage(format!("unknown option -{name}"), format!("did you mean --{name}?"))),
        None => Ok(()),
    }
}

/// Reports a command that does not exist.
pub(crate) fn unknown_command(command: &str) -> Error {
    if is_attributes(command) {
        let hint = "name the command first, for example s3-build-cache export DIR --cache-to type=s3,bucket=NAME";
        return usage("attributes are given in place of a command", hint);
    }
    let hint = match question(&did_you_mean(command, COMMANDS, COMMAND_ALIASES)) {
        Some(question) => format!("{question} The commands are {}", help::COMMANDS),
        None => format!("the commands are {}; s3-build-cache --help shows them", help::COMMANDS),
    };
    usage(format!("unknown command {command:?}"), hint)
}

/// Reports an option that `command` does not have, but others do.
pub(crate) fn of_other_commands(option: &str, command: &str, others: &[&str]) -> Error {
    let hint = match (command, option) {
        ("export", "--cache-from") => "did you mean --cache-to?".to_owned(),
        ("import", "--cache-to") => "did you mean --cache-from?".to_owned(),
        _ => format!("s3-build-cache {command} --help lists the options of {command}"),
    };
    usage(format!("{option} is an option of {}, not of {command}", others.join(" and ")), hint)
}

/// Reports an argument after `first`, the only one that `command` takes. `caches` are the attribute strings of its
/// options. The message shows no attributes, nor text that may be the rest of a secret containing a space.
pub(crate) fn unexpected(command: &str, first: &str, extra: &str, caches: &[String]) -> Error {
    if command != "doctor" && is_s3(first) {
        return first_is_local(command);
    }
    if is_attributes(extra) {
        let hint = match command {
            "export" => "did you mean --cache-to type=s3,…?",
            "import" => "did you mean --cache-from type=s3,…?",
            _ => "give the attributes of one cache; quote them if they have spaces in them",
        };
        return usage("unexpected argument: attributes without an option", hint);
    }
    let mut given = caches.iter().map(String::as_str).chain([first]).map(str::to_ascii_lowercase);
    let secret = given.any(|text| SECRET.iter().any(|name| text.contains(name)));
    let shown = if secret || extra.contains('=') { String::new() } else { format!(" {extra:?}") };
    usage(format!("unexpected argument{shown}"), "quote an argument that has spaces in it")
}

/// Reports an S3 cache given in place of the directory.
pub(crate) fn first_is_local(command: &str) -> Error {
    let option = if command == "import" { "--cache-from" } else { "--cache-to" };
    let hint = format!("s3-build-cache {command} DIR {option} type=s3,…");
    usage("the first argument is the local cache, not an S3 one", hint)
}

fn is_s3(text: &str) -> bool {
    is_attributes(text) && text.to_ascii_lowercase().contains("type=s3")
}

/// Returns whether the text is an attribute string, or the first field of one.
fn is_attributes(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.starts_with("type=") || text.contains(",type=") || text.starts_with("bucket=")
}

fn usage(message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Usage(Problem::new(message).hint(hint))
}
