//! Recognizes the builds of docker, buildx and buildctl.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::run::flags::{BAKE, BUILD, BUILDCTL, BUILDCTL_BUILD, BUILDX, DOCKER, Flags};
use crate::run::words::Words;

/// The command that builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `docker buildx build`, or another name for it.
    Build,
    /// `docker buildx bake`.
    Bake,
    /// `buildctl build`.
    Buildctl,
}

/// A recognized command line.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) kind: Kind,
    /// The index of the first word after docker and its flags, or after a buildx without docker.
    pub(super) subcommand: usize,
    /// The index of the first word after the names of the commands.
    pub(super) body: usize,
    /// Whether docker chooses the builder of its context unless one is named: `docker build`, not `docker buildx build`.
    pub(super) of_context: bool,
    /// Whether the program is buildx itself.
    pub(super) standalone: bool,
    /// The flags and arguments after the names of the commands.
    pub(super) words: Words,
    /// The flags before them.
    pub(super) before: Vec<Words>,
}

impl Invocation {
    /// Returns the build that the command line runs, if it is one.
    pub(super) fn of(line: &[OsString]) -> Option<Self> {
        let program = Path::new(line.first()?).file_name()?;
        if program == "buildctl" {
            return Reader { line, before: Vec::new() }.buildctl();
        }
        let reader = Reader { line, before: Vec::new() };
        match program.to_str()? {
            "docker" => reader.docker(),
            "buildx" | "docker-buildx" => reader.buildx(1, true),
            _ => None,
        }
    }

    /// Returns the last value given to the flag, on any level.
    pub(super) fn last<'a>(&'a self, line: &'a [OsString], name: &'a str) -> Option<&'a OsStr> {
        self.words.values(line, name).last().or_else(|| self.before(line, name))
    }

    /// Returns the last value given to the flag before the names of the commands.
    pub(super) fn before<'a>(&'a self, line: &'a [OsString], name: &'a str) -> Option<&'a OsStr> {
        self.before.iter().rev().find_map(|words| words.values(line, name).last())
    }
}

/// Reads a command line level by level.
struct Reader<'a> {
    line: &'a [OsString],
    before: Vec<Words>,
}

impl Reader<'_> {
    /// Reads flags from `start` on. Returns the index of the first argument, and the argument.
    fn flags(&mut self, start: usize, flags: &Flags) -> Option<(usize, String)> {
        let words = Words::split(self.line, start, flags, true);
        let at = words.arguments.first().copied();
        self.before.push(words);
        let at = at?;
        Some((at, self.line.get(at)?.to_str()?.to_owned()))
    }

    fn docker(mut self) -> Option<Invocation> {
        let (at, word) = self.flags(1, &DOCKER)?;
        match word.as_str() {
            "build" => self.build(at, at + 1, true),
            "bake" => self.bake(at, at + 1, true),
            "image" if self.line.get(at + 1)? == "build" => self.build(at, at + 2, true),
            "buildx" => self.buildx(at, false),
            // Docker reads it as another name for buildx.
            "builder" => {
                let found = self.buildx(at, false)?;
                Some(Invocation { of_context: true, ..found })
            }
            _ => None,
        }
    }

    fn buildx(mut self, at: usize, standalone: bool) -> Option<Invocation> {
        let start = if standalone { at } else { at + 1 };
        let (word_at, word) = self.flags(start, &BUILDX)?;
        let found = match word.as_str() {
            "build" | "b" => self.build(at, word_at + 1, false),
            "bake" | "f" => self.bake(at, word_at + 1, false),
            _ => None,
        };
        found.map(|found| Invocation { standalone, ..found })
    }

    fn build(self, subcommand: usize, body: usize, of_context: bool) -> Option<Invocation> {
        Some(self.found(Kind::Build, subcommand, body, &BUILD, of_context))
    }

    fn bake(self, subcommand: usize, body: usize, of_context: bool) -> Option<Invocation> {
        Some(self.found(Kind::Bake, subcommand, body, &BAKE, of_context))
    }

    fn buildctl(mut self) -> Option<Invocation> {
        let (at, word) = self.flags(1, &BUILDCTL)?;
        matches!(word.as_str(), "build" | "b").then(|| self.found(Kind::Buildctl, at, at + 1, &BUILDCTL_BUILD, false))
    }

    fn found(self, kind: Kind, subcommand: usize, body: usize, flags: &Flags, of_context: bool) -> Invocation {
        let words = Words::split(self.line, body, flags, false);
        Invocation { kind, subcommand, body, of_context, standalone: false, words, before: self.before }
    }
}
