//! Locates and reads the shared AWS files, within bounds.

use std::io;
use std::path::PathBuf;

use crate::aws::ini::{self, Ini};
use crate::aws::remarks::{FileKind, Remark, Weight, remark};
use crate::aws::text_file::cannot_read;
use crate::base::{Env, Error, Result, Secret};
use crate::files::{open_named_file, read_opened};

/// Large enough for thousands of profiles, but stops an endless device file.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// The contents of one of the two files. A file that is missing or cannot be opened is empty.
#[derive(Debug)]
pub(super) struct AwsFile {
    kind: FileKind,
    path: String,
    /// The path for messages, and the reason if the file is treated as empty.
    pub(super) shown: String,
    text: Secret,
    pub(super) ini: Ini,
}

impl AwsFile {
    /// Reads `$AWS_CONFIG_FILE`, or else `~/.aws/config`.
    pub(super) fn config(env: &dyn Env) -> Result<Self> {
        Self::find(env, FileKind::Config, ("AWS_CONFIG_FILE", "config"))
    }

    /// Reads `$AWS_SHARED_CREDENTIALS_FILE`, or else `~/.aws/credentials`.
    pub(super) fn credentials(env: &dyn Env) -> Result<Self> {
        Self::find(env, FileKind::Credentials, ("AWS_SHARED_CREDENTIALS_FILE", "credentials"))
    }

    fn find(env: &dyn Env, kind: FileKind, (variable, name): (&str, &str)) -> Result<Self> {
        let path = match env.var(variable) {
            Some(path) => PathBuf::from(path),
            None => match env.home() {
                Some(home) => home.join(".aws").join(name),
                None => {
                    return Ok(Self::read(kind, format!("~/.aws/{name}"), " (there is no home directory)", ""));
                }
            },
        };
        let shown = path.display().to_string();
        let file = match open_named_file(&path) {
            Ok(file) => file,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Self::read(kind, shown, " (not found)", ""));
            }
            Err(error) => {
                log::warn!("skipping {shown}: {error}");
                return Ok(Self::read(kind, shown, &format!(" (skipped: {error})"), ""));
            }
        };
        let is_file = file.metadata().is_ok_and(|meta| meta.is_file());
        let bytes = read_opened(file, MAX_FILE_BYTES).map_err(|error| {
            let hint = format!("set {variable} to another file, or to /dev/null for none");
            Error::setup(cannot_read("AWS file", &path)).with_hint(hint).with_source(error)
        })?;
        // Invalid UTF-8 corrupts only the value that contains it, not the whole file.
        let text = String::from_utf8_lossy(&bytes);
        let note = if is_file && text.trim().is_empty() { " (empty)" } else { "" };
        Ok(Self::read(kind, shown, note, &text))
    }

    fn read(kind: FileKind, path: String, note: &str, text: &str) -> Self {
        Self { kind, shown: format!("{path}{note}"), path, text: Secret::from(text), ini: ini::parse(text) }
    }

    /// Returns the names of the file's profiles.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &str> {
        self.ini.sections.keys().filter_map(|heading| match (self.kind, heading.strip_prefix("profile ")) {
            (FileKind::Config, Some(name)) => Some(name),
            (FileKind::Config, None) => {
                Some(heading.as_str()).filter(|heading| heading.eq_ignore_ascii_case("default"))
            }
            (FileKind::Credentials, None) => Some(heading.as_str()).filter(|heading| !is_of_another_kind(heading)),
            (FileKind::Credentials, Some(_)) => None,
        })
    }

    /// Returns whether the file has a profile or any other useful section.
    pub(super) fn has_sections(&self) -> bool {
        self.profiles().next().is_some() || self.ini.sections.keys().any(|heading| is_of_another_kind(heading))
    }

    /// Returns the line that best explains why the file lacks the profile or its credentials, with its location and the
    /// fix.
    pub(super) fn remark(&self, profile: &str) -> Option<(Weight, String)> {
        let Remark { weight, line, why, fix } = remark(self.text.expose(), self.kind, profile)?;
        Some((weight, format!("{}, line {line}: {why}; {fix}", self.path)))
    }
}

/// Returns whether a heading is recognised but does not belong to a profile.
fn is_of_another_kind(heading: &str) -> bool {
    ["sso-session ", "services "].iter().any(|kind| heading.starts_with(kind))
}
