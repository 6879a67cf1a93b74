//! The shared context of credential sources: time, connections and common settings.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::{Cancel, Clock, Env, Result};
use crate::credentials::{S3Settings, Setting};
use crate::http::{Client, ClientConfig, Origin, Timeouts};

/// What credential sources need to make requests.
#[derive(Clone)]
pub(crate) struct Context {
    /// Provides the proxy variables.
    pub(super) env: Arc<dyn Env>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cancel: Cancel,
    pub(super) ca_bundle: Option<Setting<PathBuf>>,
    /// The cache's region, used for STS.
    pub(super) region: String,
    pub(super) fips: bool,
    pub(super) dualstack: bool,
    /// The maximum number of attempts for requests to AWS's services, including the first.
    pub(super) attempts: u32,
}

impl Context {
    pub(crate) fn new(settings: &S3Settings, env: Arc<dyn Env>, clock: Arc<dyn Clock>, cancel: Cancel) -> Self {
        Self {
            env,
            clock,
            cancel,
            ca_bundle: settings.ca_bundle.clone(),
            region: settings.region.value.clone(),
            fips: settings.fips,
            dualstack: settings.dualstack,
            attempts: settings.service_attempts,
        }
    }

    /// Creates a client for a single fetch, which ends long before the next one.
    pub(super) fn client(&self, (https, host): (bool, &str), timeouts: Timeouts) -> Result<Client> {
        let ca_bundle = self.ca_bundle.as_ref().map(|bundle| (bundle.value.as_path(), bundle.origin.as_str()));
        let client = Client::new(&ClientConfig {
            connections: 1,
            target: Origin { https, host },
            ca_bundle,
            env: &*self.env,
            timeouts,
            clock: self.clock.clone(),
        })?;
        Ok(client.stopped_by(&self.cancel))
    }
}
