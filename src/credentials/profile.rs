//! A profile: its merged sections from the two AWS files, and the profiles it refers to.

mod sections;
mod sources;

use std::collections::BTreeMap;
use std::fmt;

use crate::base::{Env, Error, Result};
use crate::credentials::files::AwsFile;
use crate::credentials::ini::Value;
use crate::credentials::remarks::Weight;
use crate::credentials::{Setting, StaticCredentials};
use sections::Files;

const DEFAULT: &str = "default";
const ATTRIBUTE: &str = "the attribute profile";

/// A profile from the AWS files. A missing profile that was not explicitly requested is empty.
#[derive(Clone, Default)]
pub(crate) struct Profile {
    name: String,
    chosen_by: Option<&'static str>,
    settings: BTreeMap<String, Placed>,
    services: BTreeMap<String, Placed>,
    /// The profile's own `s3` block.
    s3: BTreeMap<String, Placed>,
    /// The settings of the section that `sso_session` names.
    sso_session: BTreeMap<String, Placed>,
    keys: Option<StaticCredentials>,
    files: String,
    /// The profiles that `source_profile` leads to, in order.
    sources: Vec<Profile>,
    complaint: Option<Complaint>,
}

/// Why the files do not provide what they appear to be written for.
#[derive(Clone, Debug)]
pub(super) struct Complaint {
    weight: Weight,
    /// The file, line, reason and fix.
    pub(super) text: String,
}

/// A value with its file and line.
#[derive(Clone)]
struct Placed {
    text: String,
    place: String,
}

impl Profile {
    /// Loads the profile named by `attribute`, `$AWS_PROFILE` or `$AWS_DEFAULT_PROFILE`, or else `default`.
    ///
    /// # Errors
    /// If one of the first two names a missing profile, the profile or one it refers to contradicts itself, or a file
    /// cannot be read. A missing file is not an error.
    pub(crate) fn load(attribute: Option<&str>, env: &dyn Env) -> Result<Self> {
        let variable = |name: &'static str| env.var(name).map(|value| (value, Some(name)));
        let attribute = attribute.filter(|name| !name.is_empty()).map(|name| (name.to_owned(), Some(ATTRIBUTE)));
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

    /// Returns the profile's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the attribute selected the profile, which gives it precedence over keys in the environment.
    pub(crate) fn is_from_attribute(&self) -> bool {
        self.chosen_by == Some(ATTRIBUTE)
    }

    /// Returns a setting, or `None` if it is missing or empty. Never returns a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(|placed| placed.text.as_str()).filter(|text| !text.is_empty())
    }

    /// Returns a setting with its origin.
    pub(crate) fn setting(&self, key: &str) -> Option<Setting<&str>> {
        self.settings.get(key).and_then(|placed| self.placed(key, placed))
    }

    /// Returns the endpoint of a service (`s3`) from the `services` section that the profile names.
    pub(crate) fn service_endpoint(&self, service: &str) -> Option<Setting<&str>> {
        self.services.get(service).and_then(|placed| self.placed("endpoint_url of the services", placed))
    }

    /// Returns a setting from the profile's `s3` block.
    pub(super) fn s3_setting(&self, key: &str) -> Option<Setting<&str>> {
        self.s3.get(key).and_then(|placed| self.placed(&format!("{key} of s3"), placed))
    }

    /// Returns a setting from the section that `sso_session` names.
    pub(super) fn session_setting(&self, key: &str) -> Option<Setting<&str>> {
        self.sso_session.get(key).and_then(|placed| self.placed(&format!("{key} of the sso-session"), placed))
    }

    fn placed<'a>(&self, what: &str, Placed { text, place }: &'a Placed) -> Option<Setting<&'a str>> {
        let origin = format!("{what} of profile {} ({place})", self.name);
        (!text.is_empty()).then(|| Setting::new(text.as_str(), origin))
    }

    /// Returns the static keys.
    pub(super) fn keys(&self) -> Option<&StaticCredentials> {
        self.keys.as_ref()
    }

    /// Returns the profiles that `source_profile` leads to, in order.
    pub(super) fn sources(&self) -> &[Self] {
        &self.sources
    }

    /// Describes the profile and the files, for the list of sources that were tried.
    pub(super) fn tried(&self) -> String {
        format!("profile {} in {}", self.name, self.files)
    }

    /// Returns the likely problem in the files when the profile lacks what was looked up.
    pub(super) fn complaint(&self) -> Option<&str> {
        self.complaint.as_ref().map(|complaint| complaint.text.as_str())
    }

    /// Returns the same, but only if something in the files was clearly meant to apply.
    pub(super) fn misread(&self) -> Option<String> {
        self.complaint.clone()?.reason()
    }

    fn has_credentials(&self) -> bool {
        self.keys.is_some() || !self.sources.is_empty() || sources::names_credentials(self)
    }
}

impl Complaint {
    /// Returns the text if something in the files was clearly meant to apply.
    fn reason(self) -> Option<String> {
        (self.weight == Weight::Reason).then_some(self.text)
    }
}

impl Placed {
    fn new(value: &Value, file: &AwsFile) -> Self {
        Self { text: value.text.clone(), place: format!("{}:{}", file.shown, value.line) }
    }
}

/// Shows only names, because values may be secrets.
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
