//! A profile: its sections in the two AWS files, merged by the Go SDK's rules.

use std::collections::BTreeMap;
use std::fmt;

use crate::base::{Env, Error, Problem, Result, Secret};
use crate::config::CacheOptions;
use crate::credentials::files::AwsFile;
use crate::credentials::ini::{Ini, Section, Value};
use crate::credentials::{Setting, StaticCredentials};

const ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const TOKEN: &str = "aws_session_token";
const DEFAULT: &str = "default";
const ATTRIBUTE: &str = "the attribute profile";
/// More names than this do not help whoever mistyped one.
const MAX_NAMES_SHOWN: usize = 10;

/// What the credentials file may say about a profile that the config file has too. Everything else there is lost,
/// `endpoint_url` and `services` among it.
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

/// A profile of the AWS files. One that nobody asked for by name and that does not exist is an empty one.
#[derive(Clone, Default)]
pub(crate) struct Profile {
    name: String,
    chosen_by: Option<&'static str>,
    settings: BTreeMap<String, Placed>,
    services: BTreeMap<String, Placed>,
    keys: Option<StaticCredentials>,
    files: String,
}

/// A text and the file and line it stands on.
#[derive(Clone)]
struct Placed {
    text: String,
    place: String,
}

/// The static keys of one section. A key without a value counts as there.
enum Pair {
    Absent,
    Half {
        there: String,
        missing: &'static str,
    },
    /// `None` when one of the two is empty.
    Whole(Option<StaticCredentials>),
}

impl Profile {
    /// Loads the profile that the attribute `profile`, `$AWS_PROFILE` or `$AWS_DEFAULT_PROFILE` names, else `default`.
    ///
    /// # Errors
    /// When the first two name one that does not exist, when the profile has one half of a pair of keys, and when a
    /// file cannot be read. A file that is not there is not an error.
    pub(crate) fn load(options: &CacheOptions, env: &dyn Env) -> Result<Self> {
        let variable = |name: &'static str| env.var(name).map(|value| (value, Some(name)));
        let attribute = options.profile.clone().filter(|name| !name.is_empty()).map(|name| (name, Some(ATTRIBUTE)));
        let (name, chosen_by) = attribute
            .or_else(|| variable("AWS_PROFILE"))
            .or_else(|| variable("AWS_DEFAULT_PROFILE"))
            .unwrap_or_else(|| (DEFAULT.to_owned(), None));
        let config = AwsFile::config(env)?;
        let credentials = AwsFile::credentials(env)?;
        let in_config = config_section(&config.ini, &name);
        let in_credentials = Some(&name).filter(|name| !name.starts_with("profile "));
        let in_credentials = in_credentials.and_then(|name| credentials.ini.sections.get(name));
        if in_config.is_none() && in_credentials.is_none() && matches!(chosen_by, Some(ATTRIBUTE | "AWS_PROFILE")) {
            let problem = missing(&name, chosen_by, &config, &credentials);
            return Err(if chosen_by == Some(ATTRIBUTE) { Error::Usage(problem) } else { Error::Setup(problem) });
        }
        let files = format!("{} and {}", credentials.shown, config.shown);
        let mut profile = Self { name, chosen_by, files, ..Self::default() };
        profile.merge((in_config, &config), (in_credentials, &credentials))?;
        let services = profile.get("services").and_then(|name| find(&config.ini, "services", name));
        for (service, block) in services.into_iter().flatten() {
            if let Some(url) = block.nested.get("endpoint_url") {
                profile.services.insert(service.clone(), Placed::new(url, &config));
            }
        }
        Ok(profile)
    }

    fn merge(&mut self, config: (Option<&Section>, &AwsFile), credentials: (Option<&Section>, &AwsFile)) -> Result<()> {
        let only = config.0.is_none();
        for (key, value) in config.0.into_iter().flatten() {
            self.settings.insert(key.clone(), Placed::new(value, config.1));
        }
        for (key, value) in credentials.0.into_iter().flatten() {
            if only || SHARED_KEYS.contains(&key.as_str()) {
                self.settings.insert(key.clone(), Placed::new(value, credentials.1));
            }
        }
        // Kept out of reach of `get`, so that they stay secrets.
        for key in [ID, SECRET, TOKEN] {
            self.settings.remove(key);
        }
        let pair =
            |(section, file): (Option<&Section>, &AwsFile)| section.map(|section| Pair::of(section, file, &self.name));
        // Keys go as a pair and take no token from elsewhere; half a pair is forgiven when the credentials file has
        // the profile too and no half of its own.
        let pair = match (pair(config), pair(credentials)) {
            (pair @ Some(Pair::Whole(_)), Some(Pair::Absent)) => pair,
            (pair, None) => pair,
            (_, pair) => pair,
        };
        match pair {
            Some(Pair::Whole(keys)) => self.keys = keys,
            Some(Pair::Half { there, missing }) => {
                let message = format!("profile {} has {there} without {missing}", self.name);
                let hint = format!("write {missing} into the same file, under the same heading");
                return Err(Error::Setup(Problem::new(message).hint(hint)));
            }
            _ => {}
        }
        Ok(())
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

    fn placed<'a>(&self, what: &str, Placed { text, place }: &'a Placed) -> Option<Setting<&'a str>> {
        let origin = format!("{what} of profile {} ({place})", self.name);
        (!text.is_empty()).then(|| Setting::new(text.as_str(), origin))
    }

    /// The static keys.
    pub(super) fn keys(&self) -> Option<&StaticCredentials> {
        self.keys.as_ref()
    }

    /// The profile and the files, for the list of what was tried.
    pub(super) fn tried(&self) -> String {
        format!("profile {} in {}", self.name, self.files)
    }
}

impl Placed {
    fn new(value: &Value, file: &AwsFile) -> Self {
        Self { text: value.text.clone(), place: format!("{}:{}", file.shown, value.line) }
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
                let keys = StaticCredentials::new(&id.text, &Secret::new(secret.text.as_str()), token.as_ref());
                Self::Whole(Some(keys.with_origin(format!("profile {profile} in {}", file.shown))))
            }
        }
    }
}

/// `[profile NAME]`, or `[default]` where no `[profile default]` hides it.
fn config_section<'a>(ini: &'a Ini, name: &str) -> Option<&'a Section> {
    let bare = || ini.sections.get(name).filter(|_| name.eq_ignore_ascii_case(DEFAULT));
    ini.sections.get(&format!("profile {name}")).or_else(bare).or_else(|| find(ini, "profile", name))
}

/// `[KIND NAME]`, or `[KIND "NAME"]` as the AWS CLI understands it.
fn find<'a>(ini: &'a Ini, kind: &str, name: &str) -> Option<&'a Section> {
    [format!("{kind} {name}"), format!("{kind} \"{name}\""), format!("{kind} '{name}'")]
        .iter()
        .find_map(|heading| ini.sections.get(heading))
}

fn missing(name: &str, chosen_by: Option<&str>, config: &AwsFile, credentials: &AwsFile) -> Problem {
    let chosen_by = chosen_by.unwrap_or(DEFAULT);
    let message = format!("there is no profile {name} (from {chosen_by}) in {} or {}", credentials.shown, config.shown);
    let in_config = config.ini.sections.keys().filter_map(|heading| match heading.strip_prefix("profile ") {
        Some(name) => Some(name),
        None => Some(heading.as_str()).filter(|heading| heading.eq_ignore_ascii_case(DEFAULT)),
    });
    let in_credentials =
        credentials.ini.sections.keys().map(String::as_str).filter(|name| !name.starts_with("profile "));
    let mut names: Vec<&str> = in_config.chain(in_credentials).collect();
    names.sort_unstable();
    names.dedup();
    let hint = if config.ini.sections.contains_key(name) {
        format!("the config file has [{name}]: there it must be [profile {name}]")
    } else if credentials.ini.sections.contains_key(&format!("profile {name}")) {
        format!("the credentials file has [profile {name}]: there it must be [{name}]")
    } else if names.is_empty() {
        format!("these files have no profiles; check AWS_CONFIG_FILE and HOME, or leave out {chosen_by}")
    } else {
        let more = if names.len() > MAX_NAMES_SHOWN { ", …" } else { "" };
        names.truncate(MAX_NAMES_SHOWN);
        format!("the profiles there are {}{more}", names.join(", "))
    };
    Problem::new(message).hint(hint)
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
