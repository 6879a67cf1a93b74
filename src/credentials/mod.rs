//! Resolves credentials, and the settings that accompany them, from the attributes, the environment and the AWS files,
//! in the same order as the Go SDK that BuildKit uses.

mod assume_role;
mod aws_host;
mod cached;
mod chain;
mod container;
mod context;
mod contradictions;
mod denial;
mod document;
mod endpoint;
mod environment;
mod files;
mod identity;
mod imds;
mod ini;
mod key_shape;
mod login;
mod process;
mod profile;
mod region;
mod remarks;
mod service;
mod setting;
mod settings;
mod sso;
mod static_keys;
mod sts;
mod variables;
mod web_identity;

use crate::base::Result;
use crate::sigv4::Credentials;

pub(crate) use aws_host::{domains, has_acceleration, is_opt_in, opt_in_hint};
use chain::Lookup;
pub(crate) use chain::provider;
#[cfg(any(test, fuzzing))]
pub(crate) use container::{full as full_uri, read as read_container, relative as relative_uri};
pub(crate) use context::Context;
pub(crate) use denial::{Denial, Reason};
pub(crate) use identity::identity;
#[cfg(any(test, fuzzing))]
pub(crate) use imds::read as read_imds;
#[cfg(any(test, fuzzing))]
pub(crate) use ini::{Ini, Section, Value, parse as parse_ini};
pub(crate) use key_shape::KeyMistake;
#[cfg(any(test, fuzzing))]
pub(crate) use login::read as read_login;
#[cfg(any(test, fuzzing))]
pub(crate) use process::read as read_process;
pub(crate) use profile::Profile;
#[cfg(any(test, fuzzing))]
pub(crate) use service::refusal;
pub(crate) use setting::Setting;
pub(crate) use settings::{S3Settings, Settings};
#[cfg(any(test, fuzzing))]
pub(crate) use sso::{read as read_sso, read_login as read_sso_login};
pub use static_keys::StaticCredentials;
#[cfg(any(test, fuzzing))]
pub(crate) use sts::{Refusal, credentials as sts_credentials, result as sts_result};

/// A source of credentials. It is queried before every attempt of a request, from several threads at once.
pub trait CredentialsProvider: Send + Sync {
    /// Returns the credentials to use now. A provider of temporary credentials caches them and refreshes them before
    /// they expire.
    ///
    /// # Errors
    /// If no credentials are available.
    fn credentials(&self) -> Result<Credentials>;

    /// Reports that the store rejected these credentials as expired. A provider that can refresh them drops them from
    /// its cache, unless it already holds newer ones.
    fn invalidate(&self, used: &Credentials) {
        let _ = used;
    }

    /// Describes the source for humans, such as `the environment (AWS_ACCESS_KEY_ID)`.
    fn origin(&self) -> String;
}

#[cfg(test)]
mod tests;
