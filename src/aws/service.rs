//! The services that provide credentials: their hosts, and requests to them.

mod context;
mod endpoint;
mod send;

use crate::aws::custom_endpoint::service_endpoint;
use crate::aws::partition::domains;
use crate::aws::profile::Profile;
use crate::aws::region::pseudo_region;
use crate::aws::setting::Setting;
use crate::base::{Error, Result};
use crate::config::EndpointUrl;

pub(crate) use context::ServiceContext;
pub(crate) use endpoint::ServiceEndpoint;
#[cfg(any(test, fuzzing))]
pub(crate) use send::refusal;
pub(crate) use send::{Limits, NoResponse, ServiceRequest, ServiceResponse, exchange, send, shown};

/// An AWS service, or the endpoint that the settings replace it with.
#[derive(Debug)]
pub(crate) struct Service {
    /// The first label or labels of its host, such as `portal.sso`.
    host: &'static str,
    custom: Option<Setting<EndpointUrl>>,
}

impl Service {
    /// Finds the service that the settings call `name`: `sts`, `sso` or `sso_oidc`.
    ///
    /// # Errors
    /// If a setting contains an invalid endpoint.
    pub(crate) fn find(context: &ServiceContext, profile: &Profile, name: &str, host: &'static str) -> Result<Self> {
        let custom = service_endpoint(&*context.env, profile, name)?;
        Ok(Self { host, custom })
    }

    /// Returns the endpoint from the settings, if any.
    pub(crate) fn custom(&self) -> Option<&EndpointUrl> {
        self.custom.as_ref().map(|setting| &setting.value)
    }

    /// Returns the service's endpoint and the region to sign for.
    ///
    /// # Errors
    /// [`Error::Access`] if the settings contradict each other, or there is no region.
    pub(crate) fn endpoint(&self, context: &ServiceContext, region: &str) -> Result<(ServiceEndpoint, String)> {
        let pseudo = pseudo_region(region);
        let (region, fips) = (pseudo.unwrap_or(region), context.fips || pseudo.is_some());
        let global = matches!(region, "aws-global");
        let signed = if global { "us-east-1" } else { region };
        if let Some(custom) = &self.custom {
            if fips || context.dualstack {
                let message = format!("FIPS or dualstack and {} cannot be combined", custom.origin);
                return Err(Error::access(message).with_hint("remove one of them"));
            }
            let endpoint = ServiceEndpoint::of(&custom.value)
                .ok_or_else(|| Error::access(format!("{} is a file: URL", custom.origin)));
            return Ok((endpoint?, signed.to_owned()));
        }
        if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(Error::access(format!("{region:?} is not an AWS region, which {} needs", self.host))
                .with_hint("set region=NAME, or the service's own endpoint, as in AWS_ENDPOINT_URL_STS"));
        }
        let (plain, dual) = domains(region);
        // GovCloud's regular hosts are the FIPS hosts.
        let service = match self.host {
            host if !fips || (region.starts_with("us-gov-") && !context.dualstack) => host.to_owned(),
            host => format!("{host}-fips"),
        };
        let host = match (context.dualstack, global) {
            (true, _) => format!("{service}.{signed}.{dual}"),
            (false, true) if !fips => format!("{service}.{plain}"),
            _ => format!("{service}.{signed}.{plain}"),
        };
        Ok((ServiceEndpoint { https: true, host, base_path: String::new() }, signed.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::{Cancel, SystemClock};

    #[test]
    fn hosts_of_sts_and_sso_by_partition() {
        let context = |fips, dualstack| ServiceContext {
            env: Arc::new(crate::base::MapEnv::default()),
            clock: Arc::new(SystemClock::default()),
            cancel: Cancel::new(),
            ca_bundle: None,
            region: String::new(),
            fips,
            dualstack,
            attempts: 3,
        };
        let sts = Service { host: "sts", custom: None };
        for (region, fips, dualstack, host, signed) in [
            ("eu-west-1", false, false, "sts.eu-west-1.amazonaws.com", "eu-west-1"),
            ("cn-north-1", false, false, "sts.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("us-iso-east-1", false, false, "sts.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
            ("mars-1", false, false, "sts.mars-1.amazonaws.com", "mars-1"),
            ("aws-global", false, false, "sts.amazonaws.com", "us-east-1"),
            ("us-east-1", true, false, "sts-fips.us-east-1.amazonaws.com", "us-east-1"),
            ("us-gov-west-1", true, false, "sts.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("us-east-1", false, true, "sts.us-east-1.api.aws", "us-east-1"),
            ("us-east-1", true, true, "sts-fips.us-east-1.api.aws", "us-east-1"),
            ("fips-us-east-1", false, false, "sts-fips.us-east-1.amazonaws.com", "us-east-1"),
        ] {
            let (endpoint, region) = sts.endpoint(&context(fips, dualstack), region).unwrap();
            assert_eq!((endpoint.host.as_str(), region.as_str(), endpoint.https), (host, signed, true));
        }
        let sso = Service { host: "portal.sso", custom: None };
        let (endpoint, _) = sso.endpoint(&context(false, false), "eu-west-1").unwrap();
        assert_eq!(endpoint.url(), "https://portal.sso.eu-west-1.amazonaws.com");
        for region in ["", "a/b", "evil.com#"] {
            assert!(sts.endpoint(&context(false, false), region).is_err());
        }
        let url = EndpointUrl::parse("http://h:1/base", "x").unwrap();
        let custom = Service { host: "sts", custom: Some(Setting::new(url, "AWS_ENDPOINT_URL_STS")) };
        let (endpoint, region) = custom.endpoint(&context(false, false), "").unwrap();
        assert_eq!(
            (endpoint.url().as_str(), endpoint.base_path.as_str(), region.as_str()),
            ("http://h:1", "/base", "")
        );
        let error = custom.endpoint(&context(true, false), "r").unwrap_err();
        assert!(error.to_string().contains("AWS_ENDPOINT_URL_STS"), "{error:?}");
    }
}
