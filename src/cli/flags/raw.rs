//! The arguments as the flags set them, before they are checked against the command.

use std::ffi::OsString;
use std::time::Duration;

use s3_build_cache::options::DefaultAttributes;

#[derive(Default)]
pub(crate) struct Raw {
    /// The arguments that are not flags, without the command.
    pub(crate) positional: Vec<OsString>,
    /// The names of the flags given, without their dashes.
    pub(crate) given: Vec<&'static str>,
    pub(crate) cache_to: Vec<String>,
    pub(crate) cache_from: Vec<String>,
    pub(crate) tag: Option<String>,
    pub(crate) fail_on_miss: bool,
    pub(crate) strict: bool,
    pub(crate) sync: bool,
    pub(crate) explain: bool,
    pub(crate) verify_existing: bool,
    pub(crate) advertise: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) dry_run: bool,
    pub(crate) write: bool,
    pub(crate) listen: Option<String>,
    pub(crate) host: Vec<String>,
    pub(crate) auth_file: Option<String>,
    pub(crate) no_auth: bool,
    pub(crate) redirect: bool,
    pub(crate) html: Option<String>,
    pub(crate) deep: bool,
    pub(crate) repair: bool,
    pub(crate) older_than: Option<Duration>,
    pub(crate) keep_last: usize,
    pub(crate) keep: Vec<String>,
    pub(crate) keep_tag: Vec<String>,
    pub(crate) max_size: Option<u64>,
    pub(crate) grace: Option<Duration>,
    pub(crate) now: bool,
    pub(crate) force: bool,
    pub(crate) help: bool,
    pub(crate) version: bool,
    pub(crate) licenses: bool,
    pub(crate) global: Global,
    /// The names of the flags that variables set.
    pub(crate) by_variable: Vec<&'static str>,
    /// The attributes for the caches of a command line that is run. Those of this one have been completed.
    pub(crate) defaults: DefaultAttributes,
    /// The attributes that caches got from the defaults.
    pub(crate) defaulted: Vec<&'static str>,
}

/// The options common to all commands.
#[derive(Clone, Copy, Default)]
pub(crate) struct Global {
    pub(crate) progress: ProgressMode,
    pub(crate) json: bool,
    /// Show neither progress nor a summary.
    pub(crate) quiet: bool,
    pub(crate) verbosity: u8,
    pub(crate) jobs: Option<usize>,
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
