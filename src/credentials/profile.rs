//! A profile: its sections in the two AWS files, merged, and the profiles it refers to.

mod sections;
mod sources;

use std::collections::BTreeMap;
use std::fmt;

use crate::base::{Env, Error, Result};
use crate::config::CacheOptions;
use crate::credentials::files::AwsFile;
use crate::credentials::ini::Value;
use crate::credentials::remarks::Weight;
use crate::credentials::{Setting, StaticCredentials};
use sections::Files;

const DEFAULT: &str = "default";
const ATTRIBUTE: &str = "the attribute profile";

/// A profile of the AWS files. One that nobody asked for by name and that does not exist is an empty one.
#[derive(Clone, Default)]
pub(crate) struct Profile {
    name: String,
    chosen_by: Option<&'static str>,
    settings: BTreeMap<String, Placed>,
    services: BTreeMap<String, Placed>,
    /// The block `s3` of the profile itself.
    s3: BTreeMap<String, Placed>,
    /// Those of the section that `sso_session` names.
    sso_session: BTreeMap<String, Placed>,
    keys: Option<StaticCredentials>,
    files: String,
    /// The profiles that `source_profile` leads to, one after the other.
    sources: Vec<Profile>,
    complaint: Option<Complaint>,
}

/// Why the files do not give what they seem to have been written for.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    weight: Weight,
    /// File, line, reason and fix.
    pub(super) text: String,
}

/// A text and the file and line it stands on.
#[derive(Clone)]
struct Placed {
    text: String,
    place: String,
}

impl Profile {
    /// Loads the profile that the attribute `profile`, `$AWS_PROFILE` or `$AWS_DEFAULT_PROFILE` names, else `default`.
    ///
    /// # Errors
    /// When the first two name one that does not exist, when the profile or one it refers to contradicts itself, and
    /// when a file cannot be read. A file that is not there is not an error.
    pub(crate) fn load(options: &CacheOptions, env: &dyn Env) -> Result<Self> {
        let variable = |name: &'static str| env.var(name).map(|value| (value, Some(name)));
        let attribute = options.profile.clone().filter(|name| !name.is_empty()).map(|name| (name, Some(ATTRIBUTE)));
        let (name, chosen_by) = attribute
            .or_else(|| variable("AWS_PROFILE"))
            .or_else(|| variable("AWS_DEFAULT_PROFILE"))
            .unwrap_or_else(|| (DEFAULT.to_owned(), None));
        let files = Files::load(env)?;
        match (files.profile(&name)?, chosen_by) {
            (Some(profile), _) => {
                let linked = sources::link(Self { chosen_by, ..profile }, &files)?;
                let complaint = files.complaint(&name, linked.has_credentials());
                Ok(Self { complaint, ..linked })
            }
            (None, Some(ATTRIBUTE)) => Err(Error::Usage(files.missing(&name, ATTRIBUTE))),
            (None, Some(variable @ "AWS_PROFILE")) => Err(Error::Setup(files.missing(&name, variable))),
            (None, _) => {
                let complaint = files.complaint(&name, false);
                Ok(Self { name, chosen_by, files: files.shown(), complaint, ..Self::default() })
            }
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it was asked for by the attribute, and so goes before keys in the environment.
    pub(crate) fn is_from_attribute(&self) -> bool {
        self.chosen_by == Some(ATTRIBUTE)
    }

    /// A setting, unless it is missing or empty. Never one of the keys.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(|placed| placed.text.as_str()).filter(|text| !text.is_empty())
    }

    /// A setting with the place it was found in.
    pub(crate) fn setting(&self, key: &str) -> Option<Setting<&str>> {
        self.settings.get(key).and_then(|placed| self.placed(key, placed))
    }

    /// The endpoint of one service (`s3`) from the `services` section that the profile names.
    pub(crate) fn service_endpoint(&self, service: &str) -> Option<Setting<&str>> {
        self.services.get(service).and_then(|placed| self.placed("endpoint_url of the services", placed))
    }

    /// A setting of the profile's block `s3`.
    pub(super) fn s3_setting(&self, key: &str) -> Option<Setting<&str>> {
        self.s3.get(key).and_then(|placed| self.placed(&format!("{key} of s3"), placed))
    }

    /// A setting of the section that `sso_session` names.
    pub(super) fn session_setting(&self, key: &str) -> Option<Setting<&str>> {
        self.sso_session.get(key).and_then(|placed| self.placed(&format!("{key} of the sso-session"), placed))
    }

    fn placed<'a>(&self, what: &str, Placed { text, place }: &'a Placed) -> Option<Setting<&'a str>> {
        let origin = format!("{what} of profile {} ({place})", self.name);
        (!text.is_empty()).then(|| Setting::new(text.as_str(), origin))
    }

    /// The static keys.
    pub(super) fn keys(&self) -> Option<&StaticCredentials> {
        self.keys.as_ref()
    }

    /// The profiles that `source_profile` leads to, one after the other.
    pub(super) fn sources(&self) -> &[Self] {
        &self.sources
    }

    /// The profile and the files, for the list of what was tried.
    pub(super) fn tried(&self) -> String {
        format!("profile {} in {}", self.name, self.files)
    }

    /// What may be wrong with the files when the profile does not give what is looked for.
    pub(super) fn complaint(&self) -> Option<&str> {
        self.complaint.as_ref().map(|complaint| complaint.text.as_str())
    }

    /// The same, where something in the files was surely meant to count.
    pub(super) fn misread(&self) -> Option<String> {
        self.complaint.clone()?.reason()
    }

    fn has_credentials(&self) -> bool {
        self.keys.is_some() || !self.sources.is_empty() || sources::names_credentials(self)
    }
}

impl Complaint {
    /// The text, where something in the files was surely meant to count.
    fn reason(self) -> Option<String> {
        (self.weight == Weight::Reason).then_some(self.text)
    }
}

impl Placed {
    fn new(value: &Value, file: &AwsFile) -> Self {
        Self { text: value.text.clone(), place: format!("{}:{}", file.shown, value.line) }
    }
}

/// Names only: values may be secrets.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("chosen_by", &self.chosen_by)
            .field("settings", &self.settings.keys())
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
