//! The inputs and the result of configuring a source.

use std::sync::Arc;

use crate::aws::{Profile, ServiceContext};
use crate::base::{Env, Result};
use crate::config::CredentialOptions;
use crate::credentials::imds::ImdsSettings;
use crate::credentials::provider::CredentialsProvider;

/// The inputs that a source can use to configure itself.
pub(super) struct Lookup<'a> {
    pub(super) options: &'a CredentialOptions,
    pub(super) env: &'a dyn Env,
    /// The selected profile, not one that it refers to.
    pub(super) profile: &'a Profile,
    pub(super) context: &'a ServiceContext,
    pub(super) imds: ImdsSettings,
}

/// The result of configuring a source: `None` if it is not configured, an error if it is configured but unusable.
pub(super) type Configured = Result<Option<Arc<dyn CredentialsProvider>>>;
