//! The variables of this program, `S3_BUILD_CACHE_…`: one for most flags, and one for the defaults of attributes.

use std::ffi::OsString;

use s3_build_cache::env::Env;
use s3_build_cache::options::{CacheRef, DefaultAttributes};
use s3_build_cache::program::{did_you_mean, parse_bool, s3_attribute};
use s3_build_cache::{Error, ErrorKind, Result};

use crate::commands::{Command, is_attributes};
use crate::flags::{self, Effect, FLAGS, Flag, Raw};

const PREFIX: &str = "S3_BUILD_CACHE_";
/// The attributes that caches have unless their strings set others.
pub(crate) const ATTRIBUTES: &str = "S3_BUILD_CACHE_ATTRS";
/// What `run` sets for its command, what builds of this program set, and what installs it in CI.
const OTHERS: &[&str] = &["TO", "FROM", "VERSION", "RELEASE", "RELEASES", "SHA256"];

/// Sets the flags of the command that the command line leaves open, and completes its attribute strings. Empty
/// variables count as unset.
///
/// # Errors
/// [`Error::Usage`], which names the variable.
pub(crate) fn apply(raw: &mut Raw, command: &Command, env: &dyn Env) -> Result<()> {
    for flag in FLAGS {
        let is_given = raw.given.contains(&flag.long) || (flag.long == "tag" && names_entry(raw));
        if is_given || !command.has_effect(flag) || has_its_cache(command, flag, raw) {
            continue;
        }
        let Some(variable) = variable(flag) else { continue };
        if let Some(value) = get(&variable, env)? {
            set(flag, raw, value).map_err(|error| in_variable(&variable, &error))?;
            raw.by_variable.push(flag.long);
        }
    }
    complete_all(raw, command, env)
}

/// Returns whether the flag is for the one cache of `doctor`, which the command line has named.
fn has_its_cache(command: &Command, flag: &Flag, raw: &Raw) -> bool {
    let names_cache = |flag: &str| flag.starts_with("cache-");
    command.name == "doctor"
        && names_cache(flag.long)
        && (!raw.positional.is_empty() || raw.given.iter().any(|flag| names_cache(flag)))
}

/// Returns whether the first argument is a directory with a tag or a digest.
fn names_entry(raw: &Raw) -> bool {
    let Some(text) = raw.positional.first().and_then(|first| first.to_str()) else { return false };
    // Then it cannot take a tag once more.
    let tagged = format!("{},tag=x", text.trim_end_matches(['\r', '\n']));
    matches!(text.parse(), Ok(CacheRef::Local(_))) && tagged.parse::<CacheRef>().is_err()
}

/// Returns the value of the flag's variable if the command takes the flag.
pub(crate) fn value(flag: &str, command: Option<&Command>, env: &dyn Env) -> Option<String> {
    let flag = flags::named(flag)?;
    if command?.has_effect(flag) { env.var(&variable(flag)?) } else { None }
}

/// Warns of a variable of the environment if nothing reads it, such as one that is misspelt.
pub(crate) fn warn_if_unknown(name: &str) {
    let Some(word) = name.strip_prefix(PREFIX) else { return };
    if name == ATTRIBUTES || OTHERS.contains(&word) {
        return;
    }
    let mut known = vec!["attrs"];
    for flag in FLAGS {
        match (spelt(flag.long) == word, flag.mirrored) {
            (true, true) => return,
            (true, false) => return log::warn!("{name} has no effect: give --{} on the command line", flag.long),
            (false, true) => known.push(flag.long),
            (false, false) => {}
        }
    }
    let why = match (did_you_mean(word, &known, &[("attributes", "attrs")]).first(), s3_attribute(word)) {
        (Some(similar), _) => format!("did you mean {PREFIX}{}?", spelt(similar)),
        (_, Some(attribute)) => format!("{attribute} is an attribute, to be set in {ATTRIBUTES}"),
        _ => "s3-build-cache help environment lists the variables".to_owned(),
    };
    log::warn!("{name} has no effect: {why}");
}

/// Returns the error with the variables that may be its cause, if it is one of usage: `by_variable` are the flags and
/// `defaulted` the attributes that variables set.
pub(crate) fn blamed(error: Error, by_variable: &[&str], defaulted: &[&str]) -> Error {
    if error.kind() != ErrorKind::Usage {
        return error;
    }
    let message = error.to_string();
    let mut hints: Vec<String> = error.hint().map(str::to_owned).into_iter().collect();
    for flag in FLAGS.iter().filter(|flag| by_variable.contains(&flag.long)) {
        if flag.value_name() == Some("ATTRS") || message.contains(&format!("--{}", flag.long)) {
            hints.push(format!("see also {PREFIX}{}", spelt(flag.long)));
        }
    }
    if defaulted.iter().any(|name| message.contains(name)) {
        hints.push(format!("see also {ATTRIBUTES}"));
    }
    if hints.is_empty() { error } else { error.with_hint(hints.join("; ")) }
}

/// Returns the name of the flag's variable, or `None` if it has none.
pub(crate) fn variable(flag: &Flag) -> Option<String> {
    flag.mirrored.then(|| format!("{PREFIX}{}", spelt(flag.long)))
}

/// Returns the part of the variable's name that stands for the flag.
fn spelt(flag: &str) -> String {
    flag.to_ascii_uppercase().replace('-', "_")
}

fn get(name: &str, env: &dyn Env) -> Result<Option<String>> {
    if env.is_readable(name) {
        return Ok(env.var(name));
    }
    Err(Error::usage(format!("{name} is not UTF-8")).with_hint("write it in UTF-8"))
}

fn set(flag: &Flag, raw: &mut Raw, value: String) -> Result<()> {
    match flag.effect {
        Effect::Switch(set) => (0..times(flag, &value)?).for_each(|_| set(raw)),
        Effect::Value { set, .. } if flag.repeats => {
            for line in value.lines() {
                let line = line.trim();
                if !line.is_empty() {
                    set(raw, line.to_owned())?;
                }
            }
        }
        Effect::Value { set, .. } => set(raw, value)?,
    }
    Ok(())
}

/// Returns how often a switch is set.
fn times(flag: &Flag, value: &str) -> Result<u8> {
    if let Some(on) = parse_bool(value) {
        return Ok(u8::from(on));
    }
    match value.as_bytes() {
        [digit @ b'2'..=b'9'] if flag.repeats => Ok(digit - b'0'),
        _ => {
            let allowed =
                if flag.repeats { "must be true, false or a number up to 9" } else { "must be true or false" };
            Err(Error::usage(format!("invalid value for --{}", flag.long)).with_hint(allowed))
        }
    }
}

fn in_variable(variable: &str, error: &Error) -> Error {
    let within = Error::usage(format!("{variable}: {error}"));
    match error.hint() {
        Some(hint) => within.with_hint(hint),
        None => within,
    }
}

/// Completes the attribute strings with the defaults.
fn complete_all(raw: &mut Raw, command: &Command, env: &dyn Env) -> Result<()> {
    let Some(text) = get(ATTRIBUTES, env)? else { return Ok(()) };
    let mut defaults: DefaultAttributes = text.parse().map_err(|error| in_variable(ATTRIBUTES, &error))?;
    if names_manifests(command, raw) {
        defaults = defaults.without("name");
    }
    for caches in [&mut raw.cache_to, &mut raw.cache_from] {
        for text in caches {
            complete(text, &defaults, &mut raw.defaulted);
        }
    }
    // What `run` runs is not an argument of ours.
    for argument in if command.takes_a_command_line() { &mut [] } else { raw.positional.as_mut_slice() } {
        if let Some(text) = argument.to_str() {
            let mut text = text.to_owned();
            complete(&mut text, &defaults, &mut raw.defaulted);
            *argument = OsString::from(text);
        }
    }
    raw.defaults = defaults;
    Ok(())
}

/// Returns whether the command must not get names from the defaults: their references or arguments name manifests, a
/// copy keeps its names, and nothing is removed that the command line does not name.
fn names_manifests(command: &Command, raw: &Raw) -> bool {
    match command.name {
        "copy" | "rm" | "serve" => true,
        "show" => raw.positional.first().is_some_and(|first| !is_attributes(&first.to_string_lossy())),
        _ => false,
    }
}

/// Completes an attribute string. One that breaks the grammar is reported by the command.
fn complete(text: &mut String, defaults: &DefaultAttributes, defaulted: &mut Vec<&'static str>) {
    if let Ok((completed, mut added)) = defaults.complete(text) {
        defaulted.append(&mut added);
        *text = completed;
    }
}

#[cfg(test)]
mod tests;
