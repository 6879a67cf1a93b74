//! Credentials, and the chain of their sources, in the same order as in the Go SDK that BuildKit uses.
//!
//! To use credentials of your own, pass [`StaticCredentials`] or another [`CredentialsProvider`] to
//! [`S3CacheBuilder::credentials`](crate::S3CacheBuilder::credentials).

mod assume_role;
mod cached;
mod chain;
mod container;
mod environment;
mod imds;
mod login;
mod lookup;
mod process;
mod provider;
mod refreshed;
mod sso;
mod static_keys;
mod web_identity;

pub(crate) use chain::provider;
#[cfg(any(test, fuzzing))]
pub(crate) use container::{full as full_uri, read as read_container, relative as relative_uri};
#[cfg(any(test, fuzzing))]
pub(crate) use imds::read as read_imds;
#[cfg(any(test, fuzzing))]
pub(crate) use login::read as read_login;
#[cfg(any(test, fuzzing))]
pub(crate) use process::read as read_process;
pub use provider::CredentialsProvider;
pub(crate) use refreshed::{Refreshed, Timing};
#[cfg(any(test, fuzzing))]
pub(crate) use sso::{read as read_sso, read_login as read_sso_login};
pub use static_keys::StaticCredentials;

pub use crate::base::Secret;
pub use crate::sigv4::Credentials;

#[cfg(test)]
mod tests;
