//! The settings that determine an endpoint.

use crate::config::{Bucket, EndpointUrl};

/// The settings that determine the endpoint.
#[derive(Clone, Debug)]
pub(crate) struct EndpointChoice<'a> {
    pub(crate) bucket: &'a Bucket,
    /// The region of the client; on AWS part of the host name. An access point's ARN has its own.
    pub(crate) region: &'a str,
    /// A custom endpoint instead of AWS's own.
    pub(crate) custom: Option<&'a EndpointUrl>,
    pub(crate) path_style: bool,
    /// Use AWS's FIPS and dual-stack hosts.
    pub(crate) fips: bool,
    pub(crate) dualstack: bool,
    /// Use AWS's edge locations, which reach any region. Requires a bucket name that is a valid host label and the
    /// commercial partition, and can be combined only with dual-stack.
    pub(crate) accelerate: bool,
    /// Whether directory buckets are accessed with sessions, not with the base credentials.
    pub(crate) sessions: bool,
}
