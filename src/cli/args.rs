//! Parses the command line: raw arguments become a checked command, or text to print.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lexopt::prelude::*;
use s3_build_cache::{CacheOptions, CacheRef, Error, LocalOptions, Problem, Result};

use crate::{help, suggest};

/// The parsed arguments.
pub(crate) enum Parsed {
    Run(Command),
    /// The help or version text.
    Print(String),
}

pub(crate) enum Command {
    Doctor(Box<Doctor>),
    Export(Export),
    Import(Import),
}

pub(crate) struct Doctor {
    pub(crate) cache: CacheOptions,
    pub(crate) write: bool,
    pub(crate) global: Global,
}

pub(crate) struct Export {
    pub(crate) source: LocalOptions,
    pub(crate) targets: Vec<CacheOptions>,
    pub(crate) verify_existing: bool,
    pub(crate) dry_run: bool,
    pub(crate) global: Global,
}

pub(crate) struct Import {
    pub(crate) target: LocalOptions,
    pub(crate) sources: Vec<CacheOptions>,
    pub(crate) fail_on_miss: bool,
    pub(crate) strict: bool,
    pub(crate) sync: bool,
    pub(crate) verify_existing: bool,
    pub(crate) dry_run: bool,
    pub(crate) global: Global,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ProgressMode {
    #[default]
    Auto,
    Tty,
    Plain,
    RawJson,
    Quiet,
}

/// The options common to all commands.
#[derive(Default)]
pub(crate) struct Global {
    pub(crate) progress: ProgressMode,
    pub(crate) json: bool,
    /// Show neither progress nor a summary.
    pub(crate) quiet: bool,
    pub(crate) verbosity: u8,
    pub(crate) jobs: Option<usize>,
}

/// The arguments, before they are checked against the command.
#[derive(Default)]
struct Raw {
    positional: Vec<OsString>,
    cache_to: Vec<String>,
    cache_from: Vec<String>,
    tag: Option<String>,
    fail_on_miss: bool,
    strict: bool,
    sync: bool,
    verify_existing: bool,
    dry_run: bool,
    write: bool,
    help: bool,
    global: Global,
}

/// Parses the arguments of the process, starting with the program name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Parsed> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    suggest::check_dashes(arguments.get(1..).unwrap_or_default())?;
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut raw = Raw::default();
    while let Some(argument) = parser.next().map_err(|error| wrong(&error))? {
        match argument {
            Short('V') | Long("version") => {
                return Ok(Parsed::Print(format!("s3-build-cache {}\n", env!("CARGO_PKG_VERSION"))));
            }
            Value(value) => raw.positional.push(value),
            option => {
                let option = option_name(&option);
                raw.option(&option, &mut parser)?;
            }
        }
    }
    raw.check()
}

fn option_name(argument: &lexopt::Arg<'_>) -> String {
    match argument {
        Short(letter) => format!("-{letter}"),
        Long(name) => format!("--{name}"),
        Value(value) => value.to_string_lossy().into_owned(),
    }
}

impl Raw {
    fn option(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<()> {
        match name {
            "-h" | "--help" => self.help = true,
            "--cache-to" => self.cache_to.push(text(name, parser)?),
            "--cache-from" => self.cache_from.push(text(name, parser)?),
            "--tag" => self.tag = Some(text(name, parser)?),
            "--fail-on-miss" => self.fail_on_miss = true,
            "--strict" => self.strict = true,
            "--sync" => self.sync = true,
            "--verify-existing" => self.verify_existing = true,
            "--dry-run" => self.dry_run = true,
            "--write" => self.write = true,
            "--json" => self.global.json = true,
            "-q" | "--quiet" => self.global.quiet = true,
            "-v" | "--verbose" => self.global.verbosity = self.global.verbosity.saturating_add(1),
            "--progress" => self.global.progress = progress_mode(&text(name, parser)?)?,
            "-j" | "--jobs" => self.global.jobs = Some(jobs(&text(name, parser)?)?),
            _ => return Err(suggest::unknown_option(name)),
        }
        Ok(())
    }

    fn check(mut self) -> Result<Parsed> {
        let mut positional = std::mem::take(&mut self.positional).into_iter();
        let Some(command) = positional.next() else {
            return if self.help { Ok(Parsed::Print(help::MAIN.to_owned())) } else { Err(no_command()) };
        };
        let command = command.to_string_lossy().into_owned();
        match command.as_str() {
            "doctor" | "export" | "import" => {}
            "help" => return help::of(positional.next().as_deref().and_then(|name| name.to_str())).map(Parsed::Print),
            _ => return Err(suggest::unknown_command(&command)),
        }
        if self.help {
            return help::of(Some(&command)).map(Parsed::Print);
        }
        self.check_options(&command)?;
        if self.write && !self.cache_from.is_empty() {
            return Err(usage(
                "--write tests an export, and --cache-from is for an import",
                "use --cache-to, or remove --write",
            ));
        }
        if command == "doctor"
            && let Some(cache) = self.cache_to.pop().or_else(|| self.cache_from.pop())
        {
            // The cache in the option syntax of a build, instead of an argument.
            let more = self.cache_to.pop().or_else(|| self.cache_from.pop()).map(OsString::from);
            if let Some(more) = positional.next().or(more) {
                let message = format!("unexpected argument {:?}: doctor takes one cache", more.to_string_lossy());
                return Err(usage(message, "run doctor once for each cache"));
            }
            return self.doctor(OsStr::new(&cache)).map(Parsed::Run);
        }
        let first = positional.next().ok_or_else(|| {
            let what = if command == "doctor" { "the attributes of a cache" } else { "a directory" };
            usage(format!("{command} needs {what}"), format!("s3-build-cache {command} --help shows an example"))
        })?;
        if let Some(extra) = positional.next() {
            let caches = if command == "export" { &self.cache_to } else { &self.cache_from };
            return Err(suggest::unexpected(&command, &first.to_string_lossy(), &extra.to_string_lossy(), caches));
        }
        Ok(Parsed::Run(match command.as_str() {
            "doctor" => self.doctor(&first)?,
            "export" => self.export(first)?,
            _ => self.import(first)?,
        }))
    }

    /// Refuses options of other commands.
    fn check_options(&self, command: &str) -> Result<()> {
        let moving = &["export", "import"][..];
        for (option, set, of) in [
            ("--cache-to", !self.cache_to.is_empty(), &["export", "doctor"][..]),
            ("--cache-from", !self.cache_from.is_empty(), &["import", "doctor"]),
            ("--tag", self.tag.is_some(), moving),
            ("--fail-on-miss", self.fail_on_miss, &["import"]),
            ("--strict", self.strict, &["import"]),
            ("--sync", self.sync, &["import"]),
            ("--verify-existing", self.verify_existing, moving),
            ("--dry-run", self.dry_run, moving),
            ("--write", self.write, &["doctor"]),
        ] {
            if set && !of.contains(&command) {
                return Err(suggest::of_other_commands(option, command, of));
            }
        }
        Ok(())
    }

    fn doctor(self, attributes: &OsStr) -> Result<Command> {
        let attributes =
            attributes.to_str().ok_or_else(|| usage("the attributes are not UTF-8", "write them in UTF-8"))?;
        let cache = cache("doctor", attributes)?;
        Ok(Command::Doctor(Box::new(Doctor { cache, write: self.write, global: self.global })))
    }

    fn export(mut self, directory: OsString) -> Result<Command> {
        let tag = self.tag.take();
        let has_tag = tag.is_some();
        let source = local_cache("export", directory, tag)?;
        if has_tag && source.digest.is_some() {
            return Err(usage("--tag and digest= both name a cache in the directory", "give one of them"));
        }
        Ok(Command::Export(Export {
            source,
            targets: caches("export", "--cache-to", &self.cache_to)?,
            verify_existing: self.verify_existing,
            dry_run: self.dry_run,
            global: self.global,
        }))
    }

    fn import(mut self, directory: OsString) -> Result<Command> {
        Ok(Command::Import(Import {
            target: local_cache("import", directory, self.tag.take())?,
            sources: caches("import", "--cache-from", &self.cache_from)?,
            fail_on_miss: self.fail_on_miss,
            strict: self.strict,
            sync: self.sync,
            verify_existing: self.verify_existing,
            dry_run: self.dry_run,
            global: self.global,
        }))
    }
}

fn text(option: &str, parser: &mut lexopt::Parser) -> Result<String> {
    let value = parser.value().map_err(|error| wrong(&error))?;
    value.into_string().map_err(|_| usage(format!("the value of {option} is not UTF-8"), "write it in UTF-8"))
}

fn progress_mode(word: &str) -> Result<ProgressMode> {
    match word {
        "auto" => Ok(ProgressMode::Auto),
        "tty" => Ok(ProgressMode::Tty),
        "plain" => Ok(ProgressMode::Plain),
        "rawjson" => Ok(ProgressMode::RawJson),
        "quiet" => Ok(ProgressMode::Quiet),
        _ => Err(usage(format!("--progress={word} is unknown"), "it is auto, tty, plain, rawjson or quiet")),
    }
}

fn jobs(number: &str) -> Result<usize> {
    let jobs = number.parse().ok().filter(|jobs| (1..=64).contains(jobs));
    jobs.ok_or_else(|| usage(format!("--jobs {number} is out of range"), "it is the number of connections, 1 to 64"))
}

/// Parses a directory, or buildx's notation for it: `type=local,src=DIR,tag=TAG`.
fn local_cache(command: &str, directory: OsString, tag: Option<String>) -> Result<LocalOptions> {
    let attributes = directory.to_str().filter(|text| text.starts_with("type=") || text.contains(",type="));
    if directory.is_empty() {
        return Err(usage("the directory is empty", "write . for the one you are in"));
    }
    let mut local = match attributes.map(str::parse).transpose()? {
        Some(CacheRef::Local(local)) => local,
        Some(_) => return Err(suggest::first_is_local(command)),
        None => LocalOptions::new(PathBuf::from(directory)),
    };
    if let Some(tag) = tag {
        if tag.is_empty() {
            return Err(usage("--tag is empty", "leave it out for the tag latest"));
        }
        local.tag = tag;
    }
    Ok(local)
}

fn caches(command: &str, option: &str, attributes: &[String]) -> Result<Vec<CacheOptions>> {
    if attributes.is_empty() {
        let hint = format!("for example {option} type=s3,region=eu-west-1,bucket=my-cache,name=app");
        return Err(usage(format!("{command} needs {option}"), hint));
    }
    attributes.iter().map(|text| cache(option, text)).collect()
}

/// Parses the S3 cache given to `taker`.
fn cache(taker: &str, attributes: &str) -> Result<CacheOptions> {
    match attributes.parse()? {
        CacheRef::S3(options) => Ok(*options),
        _ => Err(usage(
            format!("{taker} takes an S3 cache, not a local one"),
            "the local cache directory is the first argument of export and import",
        )),
    }
}

fn no_command() -> Error {
    usage("no command given", "s3-build-cache export DIR --cache-to …, or s3-build-cache --help")
}

fn wrong(error: &lexopt::Error) -> Error {
    usage(error.to_string(), "s3-build-cache --help lists the options")
}

fn usage(message: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Usage(Problem::new(message).hint(hint))
}
