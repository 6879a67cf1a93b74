//! Which options of a command line name S3 caches, and the command line with others in their place. Runs nothing.

use std::ffi::{OsStr, OsString};

use s3_build_cache::options::DefaultAttributes;
use s3_build_cache::{Error, Result};

use crate::run::bake::Targets;
use crate::run::invocation::{Invocation, Kind};
use crate::run::s3_value::{Direction, S3Value};
use crate::run::slot::{Replacement, Slot};
use crate::run::words::Given;

/// The options with a cache, and whether it is written or read.
const CACHE_FLAGS: &[(Kind, &str, Direction)] = &[
    (Kind::Build, "cache-to", Direction::To),
    (Kind::Build, "cache-from", Direction::From),
    (Kind::Buildctl, "export-cache", Direction::To),
    (Kind::Buildctl, "import-cache", Direction::From),
];

/// A command line whose S3 caches are known.
#[derive(Debug)]
pub(crate) struct Plan {
    line: Vec<OsString>,
    invocation: Option<Invocation>,
    /// The S3 caches, in order.
    pub(crate) slots: Vec<Slot>,
    /// The option of each slot. Empty for bake.
    given: Vec<Given>,
    targets: Option<Targets>,
    defaults: DefaultAttributes,
}

impl Plan {
    /// Finds the S3 caches on the command line, completed with the defaults. Those of bake are in its files: see
    /// [`Plan::print`].
    ///
    /// # Errors
    /// [`Error::Usage`](s3_build_cache::Error::Usage) if one of them cannot be read.
    pub(crate) fn of(line: Vec<OsString>, defaults: DefaultAttributes) -> Result<Self> {
        let invocation = Invocation::of(&line);
        let (mut slots, mut given) = (Vec::new(), Vec::new());
        if let Some(invocation) = &invocation {
            for flag in &invocation.words.given {
                let known = CACHE_FLAGS.iter().find(|(kind, name, _)| *kind == invocation.kind && *name == flag.name);
                let Some((_, _, direction)) = known else { continue };
                if let Some(value) = S3Value::completed(flag.of(&line), &defaults)? {
                    slots.push(Slot { direction: *direction, value });
                    given.push(flag.clone());
                }
            }
        }
        Ok(Self { line, invocation, slots, given, targets: None, defaults })
    }

    pub(crate) fn invocation(&self) -> Option<&Invocation> {
        self.invocation.as_ref()
    }

    /// Returns the command line as it was given.
    pub(crate) fn line(&self) -> &[OsString] {
        &self.line
    }

    /// Returns the command line that prints the targets of a bake without building them, if this is one that builds.
    pub(crate) fn print(&self) -> Option<Vec<OsString>> {
        let invocation = self.invocation.as_ref().filter(|invocation| invocation.kind == Kind::Bake)?;
        let words = &invocation.words;
        let builds = words.values(&self.line, "list").next().is_none()
            && !["print", "list-targets", "list-variables", "help", "h"].iter().any(|name| words.has_switch(name));
        let (names, rest) = self.line.split_at_checked(invocation.body)?;
        builds.then(|| [names, &["--print".into()], rest].concat())
    }

    /// Returns whether bake reads a file from standard input, which can be read only once.
    pub(crate) fn reads_stdin(&self) -> bool {
        let files = self.invocation.iter().flat_map(|invocation| invocation.words.values(&self.line, "file"));
        files.into_iter().any(|file| file == "-")
    }

    /// Finds the S3 caches in what bake printed.
    ///
    /// # Errors
    /// [`Error::Usage`](s3_build_cache::Error::Usage) if one of them cannot be read, or the text is not bake's.
    pub(crate) fn with_targets(self, printed: &[u8]) -> Result<Self> {
        let (targets, slots) = Targets::read(printed, &self.defaults)?;
        // Setting a local cache on the command line permits it, as `--allow` does.
        let permitted = self
            .invocation
            .iter()
            .flat_map(|invocation| &invocation.words.given)
            .any(|given| given.name == "allow" || given.name == "set" && sets_a_cache(given.of(&self.line)));
        if !permitted && let Some(target) = targets.reaches_outside() {
            let message = format!("the target {target} has a local cache outside of the current directory");
            return Err(Error::usage(message).with_hint("pass --allow fs=DIR to bake, which would ask for it"));
        }
        Ok(Self { targets: Some(targets), slots, given: Vec::new(), ..self })
    }

    /// Returns the command line with a replacement for each slot.
    pub(crate) fn with(&self, replacements: &[Replacement]) -> Vec<OsString> {
        match (&self.targets, &self.invocation) {
            (Some(targets), Some(invocation)) => self.with_sets(targets, invocation, replacements),
            _ => self.with_values(replacements),
        }
    }

    fn with_values(&self, replacements: &[Replacement]) -> Vec<OsString> {
        let mut line: Vec<Option<OsString>> = self.line.iter().cloned().map(Some).collect();
        for (given, replacement) in self.given.iter().zip(replacements) {
            match replacement {
                Replacement::Keep => {}
                Replacement::Value(value) => {
                    let word = given.with(&self.line, value);
                    if let Some(slot) = line.get_mut(given.value) {
                        *slot = Some(word);
                    }
                }
                Replacement::Drop => {
                    for at in [given.flag, given.value] {
                        if let Some(slot) = line.get_mut(at) {
                            *slot = None;
                        }
                    }
                }
            }
        }
        line.into_iter().flatten().collect()
    }

    /// The caches of the targets are set again. The user's own settings of caches are left out: bake would add to them.
    fn with_sets(&self, targets: &Targets, invocation: &Invocation, replacements: &[Replacement]) -> Vec<OsString> {
        let sets = invocation.words.given.iter().filter(|given| given.name == "set");
        let left_out: Vec<usize> = sets
            .filter(|given| sets_a_cache(given.of(&self.line)))
            .flat_map(|given| [given.flag, given.value])
            .collect();
        let (names, rest) = self.line.split_at_checked(invocation.body).unwrap_or((&self.line, &[]));
        let mut line = names.to_vec();
        for set in targets.sets(replacements, !left_out.is_empty()) {
            line.extend(["--set".into(), set.into()]);
        }
        let rest = rest.iter().enumerate().map(|(at, word)| (at + invocation.body, word));
        line.extend(rest.filter(|(at, _)| !left_out.contains(at)).map(|(_, word)| word.clone()));
        line
    }
}

/// Returns whether a value of `--set` is for caches: `TARGET.cache-to=…` or `TARGET.cache-from+=…`.
fn sets_a_cache(set: &OsStr) -> bool {
    let set = set.to_string_lossy();
    let key = set.split('=').next().unwrap_or_default();
    let key = key.strip_suffix('+').unwrap_or(key).split('.').nth(1);
    matches!(key, Some("cache-to" | "cache-from"))
}
