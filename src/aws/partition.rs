//! AWS's partitions: their domains, and what their regions support.

/// A partition: regions that share accounts and domains.
pub(crate) struct Partition {
    pub(crate) name: &'static str,
    /// What its regions begin with.
    prefix: &'static str,
    /// The domain of its services. S3 also uses it for IPv6.
    pub(crate) domain: &'static str,
    /// The domain of its other services for IPv6.
    dual_domain: &'static str,
}

/// All other regions are in the commercial partition.
const PARTITIONS: &[Partition] = &[
    partition("aws-cn", "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    partition("aws-us-gov", "us-gov-", COMMERCIAL.domain, COMMERCIAL.dual_domain),
    partition("aws-eusc", "eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    partition("aws-iso-b", "us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    partition("aws-iso-f", "us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    partition("aws-iso", "us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    partition("aws-iso-e", "eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
];
const COMMERCIAL: Partition = partition("aws", "", "amazonaws.com", "api.aws");

const fn partition(
    name: &'static str,
    prefix: &'static str,
    domain: &'static str,
    dual_domain: &'static str,
) -> Partition {
    Partition { name, prefix, domain, dual_domain }
}

impl Partition {
    /// Returns the partition of a region, or of the pseudo-region for its global services (`aws-cn-global`).
    pub(crate) fn of(region: &str) -> &'static Self {
        let global = region.strip_suffix("-global");
        let own = |partition: &&Self| region.starts_with(partition.prefix) || global == Some(partition.name);
        PARTITIONS.iter().find(own).unwrap_or(&COMMERCIAL)
    }

    /// Returns whether S3 has FIPS endpoints in it.
    pub(crate) fn has_fips(&self) -> bool {
        self.name != "aws-cn"
    }
}

/// Returns the domains of AWS services in the region's partition, without and with IPv6. S3 uses only the first.
pub(crate) fn domains(region: &str) -> (&'static str, &'static str) {
    let partition = Partition::of(region);
    (partition.domain, partition.dual_domain)
}

/// Returns whether the host is one of S3 on AWS. Other hosts in AWS's domains may be anybody's machines: their owners
/// choose the names of load balancers (`s3-minio-123.eu-west-1.elb.amazonaws.com`).
pub(crate) fn is_aws_s3(host: &str) -> bool {
    let host = host.split_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    let domains = PARTITIONS.iter().map(|partition| partition.domain).chain([COMMERCIAL.domain]);
    let Some(before) = domains.filter_map(|domain| host.strip_suffix(domain)?.strip_suffix('.')).next() else {
        return false;
    };
    let is_s3 = |label: &str| label == "s3" || label.starts_with("s3-") || label.starts_with("s3express-");
    let is_region = |label: &str| label.contains('-') && label.ends_with(|c: char| c.is_ascii_digit());
    let may_follow = |label: &&str| is_region(label) || matches!(*label, "dualstack" | "vpce");
    before.rsplit('.').find(|label| is_s3(label) || !may_follow(label)).is_some_and(is_s3)
}

/// Returns whether S3 transfer acceleration covers the region. GovCloud does not support it, nor do partitions with
/// other domains.
pub(crate) fn has_acceleration(region: &str) -> bool {
    Partition::of(region).name == COMMERCIAL.name
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
            "cache.s3-accelerate.dualstack.amazonaws.com",
            "cache.s3-us-west-2.amazonaws.com",
            "ci-111122223333.s3-accesspoint.eu-west-1.amazonaws.com",
            "s3.s3.us-iso-east-1.c2s.ic.gov",
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
            "s3-minio-0123456789.eu-west-1.elb.amazonaws.com",
            "s3-minio-0123456789.elb.eu-west-1.amazonaws.com",
            "s3.example-0123456789.eu-west-1.elb.amazonaws.com",
            "127.0.0.1:9000",
            "[::1]:9000",
        ] {
            assert!(!is_aws_s3(host), "{host}");
        }
    }

    #[test]
    fn regions_are_in_a_partition() {
        for (region, name) in [
            ("us-east-1", "aws"),
            ("aws-global", "aws"),
            ("garage", "aws"),
            ("cn-north-1", "aws-cn"),
            ("aws-cn-global", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("aws-iso-b-global", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(Partition::of(region).name, name, "{region}");
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
