//! Suggests what the user probably meant by an unknown argument. The names come from the tables of commands and flags.

use std::ffi::OsString;

use s3_build_cache::program::{did_you_mean, question, s3_attribute};
use s3_build_cache::{Error, Result};

use crate::commands::{self, COMMANDS, Command};
use crate::flags::{self, FLAGS};
use crate::output::human;

/// Returns the error for an option that does not exist.
pub(crate) fn unknown_option(name: &str) -> Error {
    let word = name.trim_start_matches('-');
    // A single letter is close to everything.
    let known = if name.starts_with("--") { similar_flags(word) } else { None };
    let hint = known.or_else(|| {
        let attribute = s3_attribute(word).filter(|_| word.len() > 1)?;
        Some(format!("{attribute} is an attribute: --cache-to type=s3,{attribute}=…, or --cache-from"))
    });
    Error::usage(format!("unknown option {name}"))
        .with_hint(hint.unwrap_or_else(|| "s3-build-cache --help lists the options".to_owned()))
}

fn similar_flags(word: &str) -> Option<String> {
    let names: Vec<String> = FLAGS.iter().map(|flag| format!("--{}", flag.long)).collect();
    let aliases: Vec<(&str, String)> = FLAGS
        .iter()
        .flat_map(|flag| flag.aliases.iter().map(|alias| (flag.long, *alias)))
        .map(|(long, alias)| match alias.split_once('=') {
            Some((alias, value)) => (alias, format!("--{long}={value}")),
            None => (alias, format!("--{long}")),
        })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let aliases: Vec<(&str, &str)> = aliases.iter().map(|(alias, name)| (*alias, name.as_str())).collect();
    question(&did_you_mean(word, &names, &aliases))
}

/// Refuses a long option with one dash, which would be read as a row of short ones. The arguments are the program's own.
pub(crate) fn check_dashes(arguments: &[OsString]) -> Result<()> {
    let words = arguments.iter().filter_map(|argument| argument.to_str());
    let mut long = words.filter_map(|word| word.strip_prefix('-').filter(|name| name.len() > 1));
    match long.find(|name| flags::named(name).is_some()) {
        Some(name) => Err(Error::usage(format!("unknown option -{name}")).with_hint(format!("did you mean --{name}?"))),
        None => Ok(()),
    }
}

/// Returns the error for a command that does not exist.
pub(crate) fn unknown_command(word: &str) -> Error {
    if commands::is_attributes(word) {
        let hint = "name the command first, for example s3-build-cache export DIR --cache-to type=s3,bucket=NAME";
        return Error::usage("attributes are given in place of a command").with_hint(hint);
    }
    let list = commands::list();
    let hint = match similar_commands(word) {
        Some(question) => format!("{question} The commands are {list}; s3-build-cache --help shows all"),
        None => format!("the commands are {list}; s3-build-cache --help shows all"),
    };
    Error::usage(format!("unknown command {word:?}")).with_hint(hint)
}

fn similar_commands(word: &str) -> Option<String> {
    if flags::named(word).is_some() && commands::named(word).is_none() {
        return Some(format!("did you mean --{word}?"));
    }
    let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    let aliases: Vec<(&str, &str)> =
        COMMANDS.iter().flat_map(|command| command.aliases.iter().map(|alias| (*alias, command.name))).collect();
    question(&did_you_mean(word, &names, &aliases))
}

/// Returns the error for a flag that `command` does not take, but others do. The flag is named without its dashes.
pub(crate) fn of_other_commands(flag: &str, command: &Command) -> Error {
    let others: Vec<&str> = COMMANDS.iter().filter(|other| other.takes(flag)).map(|other| other.name).collect();
    let opposite = match flag {
        "cache-to" => "cache-from",
        "cache-from" => "cache-to",
        _ => "",
    };
    let name = command.name;
    let hint = if command.takes(opposite) {
        format!("did you mean --{opposite}?")
    } else {
        format!("s3-build-cache {name} --help lists the options of {name}")
    };
    Error::usage(format!("--{flag} is an option of {}, not of {name}", human::list(&others))).with_hint(hint)
}
