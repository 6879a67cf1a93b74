//! A profile of the AWS files: its settings, its keys, and the profiles it refers to.

mod links;
mod load;
mod sections;

use std::fmt;

use crate::aws::ini::Value;
use crate::aws::keys::KeyPair;
use crate::aws::remarks::Weight;
use crate::aws::setting::Setting;
use crate::aws::shared_files::AwsFile;

const ATTRIBUTE: &str = "the attribute profile";

/// A profile that sets one of these, or keys, has credentials.
const HAS_CREDENTIALS: &[&str] = &[
    "credential_source",
    "credential_process",
    "web_identity_token_file",
    "sso_session",
    "sso_region",
    "sso_account_id",
    "sso_start_url",
    "sso_role_name",
    "login_session",
];

/// A profile from the AWS files. A missing profile that was not explicitly requested is empty.
#[derive(Clone, Default)]
pub(crate) struct Profile {
    name: String,
    chosen_by: Option<&'static str>,
    settings: Settings,
    services: Settings,
    /// The profile's own `s3` block.
    s3: Settings,
    /// The settings of the section that `sso_session` names.
    sso_session: Settings,
    keys: Option<KeyPair>,
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

/// Settings by name, each once.
#[derive(Clone, Default)]
struct Settings(Vec<(String, Placed)>);

/// A value with its file and line.
#[derive(Clone)]
struct Placed {
    text: String,
    place: String,
}

impl Profile {
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
    pub(crate) fn s3_setting(&self, key: &str) -> Option<Setting<&str>> {
        self.s3.get(key).and_then(|placed| self.placed(&format!("{key} of s3"), placed))
    }

    /// Returns a setting from the section that `sso_session` names.
    pub(crate) fn session_setting(&self, key: &str) -> Option<Setting<&str>> {
        self.sso_session.get(key).and_then(|placed| self.placed(&format!("{key} of the sso-session"), placed))
    }

    fn placed<'a>(&self, what: &str, Placed { text, place }: &'a Placed) -> Option<Setting<&'a str>> {
        let origin = format!("{what} of profile {} ({place})", self.name);
        (!text.is_empty()).then(|| Setting::new(text.as_str(), origin))
    }

    /// Returns the static keys.
    pub(crate) fn keys(&self) -> Option<&KeyPair> {
        self.keys.as_ref()
    }

    /// Returns the profiles that `source_profile` leads to, in order.
    pub(crate) fn sources(&self) -> &[Self] {
        &self.sources
    }

    /// Describes the profile and the files, for the list of sources that were tried.
    pub(crate) fn tried(&self) -> String {
        format!("profile {} in {}", self.name, self.files)
    }

    /// Returns the likely problem in the files when the profile lacks what was looked up.
    pub(crate) fn complaint(&self) -> Option<&str> {
        self.complaint.as_ref().map(|complaint| complaint.text.as_str())
    }

    /// Returns the same, but only if something in the files was clearly meant to apply.
    pub(crate) fn misread(&self) -> Option<String> {
        self.complaint.clone()?.reason()
    }

    fn has_credentials(&self) -> bool {
        self.keys.is_some() || !self.sources.is_empty() || self.names_credentials()
    }

    /// Returns whether the profile specifies a source of credentials other than keys.
    pub(super) fn names_credentials(&self) -> bool {
        HAS_CREDENTIALS.iter().any(|key| self.get(key).is_some())
    }
}

impl Complaint {
    /// Returns the text if something in the files was clearly meant to apply.
    fn reason(self) -> Option<String> {
        (self.weight == Weight::Reason).then_some(self.text)
    }
}

impl Settings {
    fn get(&self, key: &str) -> Option<&Placed> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, placed)| placed)
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
            .field("settings", &self.settings.0.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
