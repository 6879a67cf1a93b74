//! The context that requests to services share: time, connections and settings.

use std::path::PathBuf;
use std::sync::Arc;

use crate::aws::service::endpoint::ServiceEndpoint;
use crate::aws::setting::Setting;
use crate::aws::settings::S3Settings;
use crate::base::{Cancel, Clock, Env, Result};
use crate::http::{Client, ClientConfig, Timeouts};

/// What is needed to make requests to services.
#[derive(Clone)]
pub(crate) struct ServiceContext {
    /// Provides the proxy variables.
    pub(crate) env: Arc<dyn Env>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancel: Cancel,
    pub(crate) ca_bundle: Option<Setting<PathBuf>>,
    /// The cache's region, used for STS.
    pub(crate) region: String,
    pub(crate) fips: bool,
    pub(crate) dualstack: bool,
    /// The maximum number of attempts for requests to AWS's services, including the first.
    pub(crate) attempts: u32,
}

impl ServiceContext {
    /// Returns the context for the services that a bucket with these settings needs.
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
    pub(crate) fn client(&self, endpoint: &ServiceEndpoint, timeouts: Timeouts) -> Result<Client> {
        let ca_bundle = self.ca_bundle.as_ref().map(|bundle| (bundle.value.as_path(), bundle.origin.as_str()));
        let client = Client::new(&ClientConfig {
            connections: 1,
            target: endpoint.origin(),
            ca_bundle,
            env: &*self.env,
            timeouts,
            clock: self.clock.clone(),
        })?;
        Ok(client.stopped_by(&self.cancel))
    }
}
