//! Parses the command line by the tables of commands and flags.

use std::ffi::{OsStr, OsString};

use lexopt::Arg;
use s3_build_cache::{Error, Result};

use crate::commands::{self, Command};
use crate::flags::{self, Effect, FLAGS, Flag, Raw, Values};
use crate::suggest;

/// What the command line asks for.
pub(crate) enum Request {
    Version,
    Licenses,
    /// The help of a command, or the overview.
    Help(Option<&'static Command>),
    Run(&'static Command, Box<Raw>),
}

/// Parses the arguments of the process, starting with the program name.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Request> {
    suggest::check_dashes(arguments.get(1..).unwrap_or_default())?;
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut raw = Raw::default();
    let mut command = None;
    while let Some(argument) = parser.next().map_err(|error| invalid(&error))? {
        let (name, flag) = match argument {
            Arg::Value(value) if command.is_none() => {
                command = Some(value);
                continue;
            }
            Arg::Value(value) if takes_a_command_line(command.as_deref()) => {
                raw.positional.push(value);
                raw.positional.extend(parser.raw_args().map_err(|error| invalid(&error))?);
                continue;
            }
            Arg::Value(value) => {
                raw.positional.push(value);
                continue;
            }
            Arg::Short(letter) => (format!("-{letter}"), flags::lettered(letter)),
            Arg::Long(long) => (format!("--{long}"), flags::named(long)),
        };
        apply(flag.ok_or_else(|| suggest::unknown_option(&name))?, &name, &mut raw, &mut parser)?;
        if raw.version {
            return Ok(Request::Version);
        }
        if raw.licenses {
            return Ok(Request::Licenses);
        }
    }
    check(command.as_deref(), raw)
}

/// Returns whether the first argument of the command begins a command line, which is not parsed.
fn takes_a_command_line(command: Option<&OsStr>) -> bool {
    let command = command.and_then(OsStr::to_str).and_then(commands::named);
    let arguments = command.map_or(&[][..], |command| command.help.arguments);
    arguments.iter().any(|argument| matches!(argument.values, Values::CommandLine))
}

fn apply(flag: &'static Flag, name: &str, raw: &mut Raw, parser: &mut lexopt::Parser) -> Result<()> {
    raw.given.push(flag.long);
    match flag.effect {
        Effect::Switch(set) => {
            set(raw);
            Ok(())
        }
        Effect::Value { set, .. } => {
            let value = parser.value().map_err(|error| invalid(&error))?;
            let value = value.into_string().map_err(|_| {
                Error::usage(format!("the value of {name} is not UTF-8")).with_hint("write it in UTF-8")
            })?;
            set(raw, value)
        }
    }
}

/// Checks that the command exists and takes the flags.
fn check(command: Option<&OsStr>, raw: Raw) -> Result<Request> {
    let Some(name) = command else {
        if raw.help {
            return Ok(Request::Help(None));
        }
        let hint = "s3-build-cache run -- docker buildx build …, or s3-build-cache --help";
        return Err(Error::usage("no command given").with_hint(hint));
    };
    let name = name.to_string_lossy();
    let command = commands::named(&name).ok_or_else(|| suggest::unknown_command(&name))?;
    // `help` may be put in front of a complete command line.
    if command.name == "help" {
        return Ok(Request::Run(command, Box::new(raw)));
    }
    if raw.help {
        return Ok(Request::Help(Some(command)));
    }
    let of_others = |flag: &&str| !command.takes(flag) && FLAGS.iter().any(|it| it.long == *flag && !it.global);
    match raw.given.iter().find(|flag| of_others(flag)) {
        Some(flag) => Err(suggest::of_other_commands(flag, command)),
        None => Ok(Request::Run(command, Box::new(raw))),
    }
}

/// Returns the command, also of a command line that cannot be parsed, to report its result.
pub(crate) fn intended(arguments: &[OsString]) -> Option<&'static Command> {
    let mut arguments = arguments.iter().skip(1).map(|argument| argument.to_string_lossy());
    while let Some(argument) = arguments.next() {
        let Some(option) = argument.strip_prefix('-') else { return commands::named(&argument) };
        let flag = match option.strip_prefix('-') {
            Some(long) => flags::named(long),
            None => option.parse().ok().and_then(flags::lettered),
        };
        if flag.is_some_and(|flag| flag.value_name().is_some()) {
            arguments.next();
        }
    }
    None
}

/// Returns the argument with this option, or `None` if it is not before `--`, even if the command line cannot be
/// parsed. For `--option VALUE` and `--option=VALUE`, returns the value.
pub(crate) fn value_of<'a>(arguments: &'a [OsString], option: &str) -> Option<&'a str> {
    let mut own = arguments.iter().take_while(|argument| *argument != "--").map(|it| it.to_str().unwrap_or_default());
    while let Some(argument) = own.next() {
        match argument.strip_prefix(option) {
            Some("") => return Some(own.next().unwrap_or_default()),
            Some(rest) if rest.starts_with('=') => return rest.get(1..),
            _ => {}
        }
    }
    None
}

fn invalid(error: &lexopt::Error) -> Error {
    Error::usage(error.to_string()).with_hint("s3-build-cache --help lists the options")
}
