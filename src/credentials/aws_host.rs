//! AWS's own hosts: the domains of its partitions, and the hosts of the services that provide credentials.

use crate::base::{Problem, Result};
use crate::config::EndpointUrl;
use crate::credentials::context::Context;
use crate::credentials::region::pseudo_region;
use crate::credentials::service::Site;
use crate::credentials::{Profile, Setting, endpoint};

/// The domains of AWS's partitions by region prefix, without and with IPv6. All other regions are in the commercial
/// partition.
const PARTITIONS: &[(&str, &str, &str)] = &[
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
];
const COMMERCIAL: (&str, &str) = ("amazonaws.com", "api.aws");

/// Returns the domains of AWS services in the region's partition, without and with IPv6. S3 uses only the first.
pub(crate) fn domains(region: &str) -> (&'static str, &'static str) {
    let partition = PARTITIONS.iter().find(|(prefix, ..)| region.starts_with(prefix));
    partition.map_or(COMMERCIAL, |(_, plain, dual)| (*plain, *dual))
}

/// Returns whether S3 transfer acceleration covers the region. GovCloud does not support it, nor do partitions with
/// other domains.
pub(crate) fn has_acceleration(region: &str) -> bool {
    domains(region) == COMMERCIAL && !region.starts_with("us-gov-")
}

/// Regions that are enabled in every account. All later regions are opt-in.
const DEFAULT_REGIONS: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Returns whether an account must enable the region before the region accepts its keys.
pub(crate) fn is_opt_in(region: &str) -> bool {
    let has_shape = region.split('-').count() >= 3 && region.ends_with(|c: char| c.is_ascii_digit());
    has_shape && has_acceleration(region) && !DEFAULT_REGIONS.contains(&region)
}

/// Returns the fix for a session token that an opt-in region rejects, or `None` for other regions, which accept tokens
/// from the global STS endpoint.
pub(crate) fn opt_in_hint(region: &str) -> Option<String> {
    is_opt_in(region).then(|| {
        format!(
            "{region} is an opt-in region, which rejects session tokens of STS's global endpoint: get them from a \
             regional one (AWS_STS_REGIONAL_ENDPOINTS=regional where they are made), and check that the account has \
             enabled the region"
        )
    })
}

/// An AWS service, or the endpoint that the settings replace it with.
#[derive(Debug)]
pub(super) struct Service {
    /// The first label or labels of its host, such as `portal.sso`.
    host: &'static str,
    custom: Option<Setting<EndpointUrl>>,
}

impl Service {
    /// Finds the service that the settings call `name`: `sts`, `sso` or `sso_oidc`.
    ///
    /// # Errors
    /// If a setting contains an invalid endpoint.
    pub(super) fn find(context: &Context, profile: &Profile, name: &str, host: &'static str) -> Result<Self> {
        let custom = endpoint::service_endpoint(&*context.env, profile, name)?;
        Ok(Self { host, custom })
    }

    /// Returns the endpoint from the settings, if any.
    pub(super) fn custom(&self) -> Option<&EndpointUrl> {
        self.custom.as_ref().map(|setting| &setting.value)
    }

    /// Returns the service's location and the region to sign for.
    pub(super) fn site(&self, context: &Context, region: &str) -> std::result::Result<(Site, String), Problem> {
        let pseudo = pseudo_region(region);
        let (region, fips) = (pseudo.unwrap_or(region), context.fips || pseudo.is_some());
        let global = matches!(region, "aws-global");
        let signed = if global { "us-east-1" } else { region };
        if let Some(custom) = &self.custom {
            if fips || context.dualstack {
                let message = format!("FIPS or dualstack and {} cannot be combined", custom.origin);
                return Err(Problem::new(message).hint("remove one of them"));
            }
            let site = Site::of(&custom.value).ok_or_else(|| Problem::new(format!("{} is a file: URL", custom.origin)));
            return Ok((site?, signed.to_owned()));
        }
        if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            let problem = Problem::new(format!("{region:?} is not a region of AWS, and {} is asked there", self.host));
            return Err(
                problem.hint("give region=NAME, or name the service's own endpoint, as in AWS_ENDPOINT_URL_STS")
            );
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
        Ok((Site { https: true, host, base_path: String::new() }, signed.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::{Cancel, SystemClock};

    #[test]
    fn opt_in_regions_are_those_that_came_later() {
        for region in ["af-south-1", "ap-east-1", "eu-south-2", "il-central-1", "me-south-1", "mx-central-1"] {
            assert!(opt_in_hint(region).unwrap().contains("AWS_STS_REGIONAL_ENDPOINTS=regional"), "{region}");
        }
        for region in ["eu-west-1", "us-east-1", "us-gov-west-1", "cn-north-1", "aws-global", "auto", "garage", ""] {
            assert_eq!(opt_in_hint(region), None, "{region}");
        }
    }

    #[test]
    fn hosts_of_sts_and_sso_by_partition() {
        let context = |fips, dualstack| Context {
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
            let (site, region) = sts.site(&context(fips, dualstack), region).unwrap();
            assert_eq!((site.host.as_str(), region.as_str(), site.https), (host, signed, true));
        }
        let sso = Service { host: "portal.sso", custom: None };
        let (site, _) = sso.site(&context(false, false), "eu-west-1").unwrap();
        assert_eq!(site.url(), "https://portal.sso.eu-west-1.amazonaws.com");
        for region in ["", "a/b", "evil.com#"] {
            assert!(sts.site(&context(false, false), region).is_err());
        }
        let url = EndpointUrl::parse("http://h:1/base", "x").unwrap();
        let custom = Service { host: "sts", custom: Some(Setting::new(url, "AWS_ENDPOINT_URL_STS")) };
        let (site, region) = custom.site(&context(false, false), "").unwrap();
        assert_eq!((site.url().as_str(), site.base_path.as_str(), region.as_str()), ("http://h:1", "/base", ""));
        let problem = custom.site(&context(true, false), "r").unwrap_err();
        assert!(problem.message.contains("AWS_ENDPOINT_URL_STS"), "{problem:?}");
    }
}
