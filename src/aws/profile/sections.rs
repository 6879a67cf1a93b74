//! The sections of the two AWS files, merged into a profile by the Go SDK's rules.

use crate::aws::ini::{Ini, Section, Value};
use crate::aws::keys::KeyPair;
use crate::aws::profile::{Complaint, Placed, Profile, Settings};
use crate::aws::remarks::Weight;
use crate::aws::shared_files::AwsFile;
use crate::base::{Env, Error, Result, Secret, is_quoted, sort, unquote};

/// The profile if none is named.
pub(super) const DEFAULT: &str = "default";
const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const TOKEN: &str = "aws_session_token";
/// A longer list would not help someone who mistyped a name.
const MAX_NAMES_SHOWN: usize = 10;

/// The settings that the credentials file may contribute to a profile that the config file also has. Its other settings
/// are ignored, including `endpoint_url` and `services`.
const SHARED_KEYS: &[&str] = &[
    "ca_bundle",
    "credential_process",
    "credential_source",
    "duration_seconds",
    "ec2_metadata_service_endpoint",
    "ec2_metadata_service_endpoint_mode",
    "ec2_metadata_v1_disabled",
    "external_id",
    "login_session",
    "max_attempts",
    "mfa_serial",
    "region",
    "retry_mode",
    "role_arn",
    "role_session_name",
    "source_profile",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
    "use_dualstack_endpoint",
    "use_fips_endpoint",
    "web_identity_token_file",
];

/// Both files.
pub(super) struct Files {
    config: AwsFile,
    credentials: AwsFile,
}

/// The static keys of one section. A key without a value counts as present.
enum Pair {
    Absent,
    Half {
        there: String,
        missing: &'static str,
    },
    /// `None` if either key is empty.
    Whole(Option<KeyPair>),
}

impl Files {
    /// Reads both files.
    ///
    /// # Errors
    /// If a file exists but cannot be read.
    pub(super) fn load(env: &dyn Env) -> Result<Self> {
        Ok(Self { config: AwsFile::config(env)?, credentials: AwsFile::credentials(env)? })
    }

    /// Names both files, for messages.
    pub(super) fn shown(&self) -> String {
        self.shown_as("and")
    }

    fn shown_as(&self, and: &str) -> String {
        format!("{} {and} {}", self.credentials.shown, self.config.shown)
    }

    /// Returns the profile with this name, without the profiles it refers to.
    ///
    /// # Errors
    /// If the profile has only half a key pair.
    pub(super) fn profile(&self, name: &str) -> Result<Option<Profile>> {
        let in_config = config_section(&self.config.ini, name);
        let in_credentials = Some(name).filter(|name| !name.starts_with("profile "));
        let in_credentials = in_credentials.and_then(|name| self.credentials.ini.sections.get(name));
        if in_config.is_none() && in_credentials.is_none() {
            return Ok(None);
        }
        let mut profile = Profile { name: name.to_owned(), files: self.shown(), ..Profile::default() };
        profile
            .merge((in_config, &self.config), (in_credentials, &self.credentials))
            .map_err(|error| self.explain(error, name))?;
        // Blocks are not merged: the credentials file's block applies only if the config file has no such section.
        let services = profile.get("services").and_then(|name| {
            [&self.config, &self.credentials]
                .into_iter()
                .find_map(|file| Some((find(&file.ini, "services", name)?, file)))
        });
        if let Some((section, file)) = services {
            let endpoints = section.iter().filter_map(|(service, block)| {
                Some((service.clone(), Placed::new(block.nested.get("endpoint_url")?, file)))
            });
            profile.services = Settings(endpoints.collect());
        }
        Ok(Some(profile))
    }

    /// Merges the section that the profile's `sso_session` names.
    ///
    /// # Errors
    /// If the section does not exist.
    pub(super) fn link_sso_session(&self, profile: &mut Profile) -> Result<()> {
        let Some(name) = profile.setting("sso_session") else { return Ok(()) };
        let [config, credentials] =
            [&self.config, &self.credentials].map(|file| (find(&file.ini, "sso-session", name.value.trim()), file));
        if config.0.is_none() && credentials.0.is_none() {
            let message = format!("there is no section [sso-session {}], which {} names", name.value, name.origin);
            let hint = format!("add it to {}, or run aws configure sso", self.config.shown);
            return Err(Error::setup(message).with_hint(hint));
        }
        profile.sso_session = merged(config, credentials);
        Ok(())
    }

    /// Returns the error for a missing profile with this name. `error` creates it from its message.
    pub(super) fn missing(&self, name: &str, chosen_by: &str, error: fn(String) -> Error) -> Error {
        let message = format!("there is no profile {name} (from {chosen_by}) in {}", self.shown_as("or"));
        let hint = if is_quoted(name) {
            unquote(chosen_by).to_owned()
        } else {
            match self.names() {
                Some(names) => format!("the available profiles are {names}"),
                None => {
                    format!("these files have no profiles; check AWS_CONFIG_FILE and HOME, or omit {chosen_by}")
                }
            }
        };
        self.explain(error(message).with_hint(hint), name)
    }

    /// Returns why the files lack the profile, or credentials in it.
    pub(super) fn complaint(&self, profile: &str, has_credentials: bool) -> Option<Complaint> {
        let files = [&self.credentials, &self.config].into_iter();
        let asked = files.filter(|file| !has_credentials || !file.has_sections());
        let remarks: Vec<_> = asked.filter_map(|file| file.remark(profile)).collect();
        let Some(weight) = remarks.iter().map(|(weight, _)| *weight).min() else {
            let names = self.names().filter(|_| !has_credentials && !self.has(profile))?;
            let text =
                format!("the available profiles are {names}; set AWS_PROFILE or the attribute profile to one of them");
            return Some(Complaint { weight: Weight::Unknown, text });
        };
        let best = remarks.into_iter().filter(|(other, _)| *other == weight).map(|(_, text)| text);
        Some(Complaint { weight, text: best.collect::<Vec<_>>().join("; ") })
    }

    /// Returns the error with the line of a file that explains it as the hint.
    pub(super) fn explain(&self, error: Error, profile: &str) -> Error {
        match self.complaint(profile, false).and_then(Complaint::reason) {
            Some(reason) => error.with_hint(reason),
            None => error,
        }
    }

    fn has(&self, profile: &str) -> bool {
        [&self.config, &self.credentials].into_iter().any(|file| file.profiles().any(|name| name == profile))
    }

    /// Lists the profile names in both files, or `None` if there are none.
    fn names(&self) -> Option<String> {
        let mut names = sort::distinct(self.config.profiles().chain(self.credentials.profiles()));
        let more = if names.len() > MAX_NAMES_SHOWN { ", …" } else { "" };
        names.truncate(MAX_NAMES_SHOWN);
        (!names.is_empty()).then(|| format!("{}{more}", names.join(", ")))
    }
}

impl Profile {
    fn merge(&mut self, config: (Option<&Section>, &AwsFile), credentials: (Option<&Section>, &AwsFile)) -> Result<()> {
        self.settings = merged(config, credentials);
        // As in the AWS CLI, the credentials file's block replaces the config file's.
        for (section, file) in [config, credentials] {
            if let Some(block) = section.and_then(|section| section.get("s3")) {
                self.s3 = merged((None, file), (Some(&block.nested), file));
            }
        }
        // Remove the keys so that `get` cannot expose these secrets.
        self.settings.0.retain(|(key, _)| ![ID, SECRET, TOKEN].contains(&key.as_str()));
        let pair =
            |(section, file): (Option<&Section>, &AwsFile)| section.map(|section| Pair::of(section, file, &self.name));
        // Keys come as a pair and take no token from another section. Half a pair is ignored if the credentials file
        // also has the profile, without half a pair of its own.
        let pair = match (pair(config), pair(credentials)) {
            (pair @ Some(Pair::Whole(_)), Some(Pair::Absent)) => pair,
            (pair, None) => pair,
            (_, pair) => pair,
        };
        match pair {
            Some(Pair::Whole(keys)) => self.keys = keys,
            Some(Pair::Half { there, missing }) => {
                let message = format!("profile {} has {there} without {missing}", self.name);
                let hint = format!("add {missing} under the same heading of the same file");
                return Err(Error::setup(message).with_hint(hint));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Pair {
    fn of(section: &Section, file: &AwsFile, profile: &str) -> Self {
        let half = |key: &str, value: &Value, missing| Self::Half {
            there: format!("{key} ({}:{})", file.shown, value.line),
            missing,
        };
        match (section.get(ID), section.get(SECRET)) {
            (None, None) => Self::Absent,
            (Some(id), None) => half(ID, id, SECRET),
            (None, Some(secret)) => half(SECRET, secret, ID),
            (Some(id), Some(secret)) if id.text.is_empty() || secret.text.is_empty() => Self::Whole(None),
            (Some(id), Some(secret)) => {
                let token = section.get(TOKEN).map(|token| Secret::new(token.text.as_str()));
                let keys = KeyPair::new(&id.text, &Secret::new(secret.text.as_str()), token.as_ref());
                Self::Whole(Some(keys.with_origin(format!("profile {profile} in {}", file.shown))))
            }
        }
    }
}

/// Merges a section of both files. The credentials file's settings take precedence where they are allowed.
fn merged(
    (config, config_file): (Option<&Section>, &AwsFile),
    (credentials, credentials_file): (Option<&Section>, &AwsFile),
) -> Settings {
    let applies = |key: &str| config.is_none() || SHARED_KEYS.contains(&key);
    let is_replaced = |key: &str| applies(key) && credentials.is_some_and(|section| section.contains_key(key));
    let mut settings = Vec::new();
    for (key, value) in config.into_iter().flatten().filter(|(key, _)| !is_replaced(key)) {
        settings.push((key.clone(), Placed::new(value, config_file)));
    }
    for (key, value) in credentials.into_iter().flatten().filter(|(key, _)| applies(key)) {
        settings.push((key.clone(), Placed::new(value, credentials_file)));
    }
    Settings(settings)
}

/// Finds `[profile NAME]`, or `[default]` if there is no `[profile default]` to hide it.
fn config_section<'a>(ini: &'a Ini, name: &str) -> Option<&'a Section> {
    let bare = || ini.sections.get(name).filter(|_| name.eq_ignore_ascii_case(DEFAULT));
    ini.sections.get(&format!("profile {name}")).or_else(bare).or_else(|| find(ini, "profile", name))
}

/// Finds `[KIND NAME]`, or `[KIND "NAME"]` as the AWS CLI writes it.
fn find<'a>(ini: &'a Ini, kind: &str, name: &str) -> Option<&'a Section> {
    [format!("{kind} {name}"), format!("{kind} \"{name}\""), format!("{kind} '{name}'")]
        .iter()
        .find_map(|heading| ini.sections.get(heading))
}
