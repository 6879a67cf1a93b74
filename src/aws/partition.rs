//! AWS's partitions: their domains, and what their regions support.

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

/// Returns whether the host is one of S3 on AWS. Other hosts in AWS's domains may be anybody's machines.
pub(crate) fn is_aws_s3(host: &str) -> bool {
    let host = host.split_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    let domains = PARTITIONS.iter().map(|(_, plain, _)| *plain).chain([COMMERCIAL.0]);
    let before = domains.filter_map(|domain| host.strip_suffix(domain)?.strip_suffix('.')).next();
    let is_s3 = |label: &str| label == "s3" || label.starts_with("s3-") || label.starts_with("s3express-");
    before.is_some_and(|before| before.split('.').any(is_s3))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_s3_in_the_domain_of_a_partition_are_awss() {
        for host in [
            "s3.amazonaws.com",
            "cache.s3.eu-west-1.amazonaws.com:443",
            "Cache.S3-FIPS.us-gov-west-1.amazonaws.com",
            "cache.s3.dualstack.cn-north-1.amazonaws.com.cn",
            "bucket.vpce-1a2b-3c4d.s3.eu-west-1.vpce.amazonaws.com",
            "cache.s3-accelerate.amazonaws.com",
            "cache--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com",
            "s3.eusc-de-east-1.amazonaws.eu",
        ] {
            assert!(is_aws_s3(host), "{host}");
        }
        for host in [
            "s3.example.com",
            "s3.amazonaws.com.example.com",
            "s3amazonaws.com",
            "ec2-1-2-3-4.eu-west-1.compute.amazonaws.com",
            "minio.eu-west-1.elb.amazonaws.com",
            "127.0.0.1:9000",
            "[::1]:9000",
        ] {
            assert!(!is_aws_s3(host), "{host}");
        }
    }

    #[test]
    fn later_regions_are_opt_in() {
        for region in ["af-south-1", "ap-east-1", "eu-south-2", "il-central-1", "me-south-1", "mx-central-1"] {
            assert!(opt_in_hint(region).unwrap().contains("AWS_STS_REGIONAL_ENDPOINTS=regional"), "{region}");
        }
        for region in ["eu-west-1", "us-east-1", "us-gov-west-1", "cn-north-1", "aws-global", "auto", "garage", ""] {
            assert_eq!(opt_in_hint(region), None, "{region}");
        }
    }
}
