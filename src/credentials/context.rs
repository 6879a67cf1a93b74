//! What sources of credentials work with when they are asked: time, connections, and what they have in common.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::{Cancel, Clock, Env, Result};
use crate::credentials::{S3Settings, Setting};
use crate::http::{Client, ClientConfig, Timeouts};

/// What sources of credentials work with when they are asked.
#[derive(Clone)]
pub(crate) struct Context {
    /// Names the proxies.
    pub(super) env: Arc<dyn Env>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) cancel: Cancel,
    pub(super) ca_bundle: Option<Setting<PathBuf>>,
    /// The cache's region, for STS.
    pub(super) region: String,
    pub(super) fips: bool,
    pub(super) dualstack: bool,
    /// How often AWS's services are asked, the first time included.
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

    /// Connections for one fetch, which is over long before the next.
    pub(super) fn client(&self, (https, host): (bool, &str), timeouts: Timeouts) -> Result<Client> {
        let ca_bundle = self.ca_bundle.as_ref().map(|bundle| (bundle.value.as_path(), bundle.origin.as_str()));
        let client = Client::new(&ClientConfig {
            connections: 1,
            target: (https, host),
            ca_bundle,
            env: &*self.env,
            timeouts,
            clock: self.clock.clone(),
        })?;
        Ok(client.stopped_by(&self.cancel))
    }
}
