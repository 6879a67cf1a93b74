//! Parses the command line by the tables of commands and flags.

use std::ffi::{OsStr, OsString};

use lexopt::Arg;
use s3_build_cache::{Error, Result};

use crate::commands::{self, Command};
use crate::flags::{self, Effect, FLAGS, Flag, Raw};
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
    let own = Own::of(arguments);
    suggest::check_dashes(own.arguments)?;
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut raw = Raw::default();
    let mut command = None;
    while let Some(argument) = parser.next().map_err(|error| invalid(&error))? {
        let (name, flag) = match argument {
            Arg::Value(value) if command.is_none() => {
                command = Some(value);
                continue;
            }
            Arg::Value(value) if own.command.is_some_and(Command::takes_a_command_line) => {
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

/// What can be told of a command line that may be invalid.
pub(crate) struct Own<'a> {
    pub(crate) command: Option<&'static Command>,
    /// The arguments of this program: without its name, and without the command line that `run` runs.
    arguments: &'a [OsString],
}

impl<'a> Own<'a> {
    /// Finds the command and the end of the program's own arguments.
    pub(crate) fn of(line: &'a [OsString]) -> Self {
        let line = line.get(1..).unwrap_or_default();
        let (mut command, mut end) = (None, line.len());
        let mut rest = line.iter().enumerate();
        while let Some((at, argument)) = rest.next() {
            let argument = argument.to_string_lossy();
            match (argument.strip_prefix('-'), command) {
                (Some("-"), _) => {
                    end = at;
                    command = command.or_else(|| Some(commands::named(&rest.next()?.1.to_string_lossy())));
                    break;
                }
                (Some(option), _) if awaits_value(option) => drop(rest.next()),
                (Some(option), _) if !option.is_empty() => {}
                (_, None) => command = Some(commands::named(&argument)),
                (_, Some(Some(command))) if command.takes_a_command_line() => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        Self { command: command.flatten(), arguments: line.get(..end).unwrap_or_default() }
    }

    /// Returns the last value of this option, if it is given: of `--option VALUE` and `--option=VALUE`.
    pub(crate) fn value(&self, option: &str) -> Option<&'a str> {
        let mut arguments = self.arguments.iter().map(|argument| argument.to_str().unwrap_or_default());
        let mut found = None;
        while let Some(argument) = arguments.next() {
            match argument.strip_prefix(option) {
                Some("") => found = Some(arguments.next().unwrap_or_default()),
                Some(rest) if rest.starts_with('=') => found = rest.get(1..),
                _ => {}
            }
        }
        found
    }
}

/// Returns whether the next argument is the value of this option, given without its first dash.
fn awaits_value(option: &str) -> bool {
    let takes_value = |flag: &Flag| flag.value_name().is_some();
    match option.strip_prefix('-') {
        Some(long) => flags::named(long).is_some_and(takes_value),
        // A value may follow its letter directly.
        None => option
            .find(|letter| flags::lettered(letter).is_some_and(takes_value))
            .is_some_and(|at| at + 1 == option.len()),
    }
}

fn invalid(error: &lexopt::Error) -> Error {
    Error::usage(error.to_string()).with_hint("s3-build-cache --help lists the options")
}
