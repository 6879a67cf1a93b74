//! Parses buildx-style attributes into options. This module is pure: it never reads the environment.

mod attributes;
mod bucket;
mod bucket_in_endpoint;
mod cache_ref;
mod did_you_mean;
mod endpoint_url;
mod fields;
mod local;
mod loose_duration;
mod options;
mod unknown_attribute;

pub use attributes::s3_attribute;
pub(crate) use bucket::Bucket;
pub(crate) use bucket_in_endpoint::Fix;
pub use cache_ref::CacheRef;
pub(crate) use did_you_mean::distance;
pub use did_you_mean::{did_you_mean, question};
pub use endpoint_url::EndpointUrl;
#[cfg(any(test, fuzzing))]
pub(crate) use fields::{parse_fields, quote_field};
pub use local::LocalOptions;
pub use options::{CacheOptions, Mode, RequestPayer, RetryMode};
