//! Parses buildx-style attributes into options. This module is pure: it never reads the environment.

mod attribute;
mod attributes;
mod bucket;
mod bucket_in_endpoint;
mod cache_ref;
mod credential_options;
mod defaults;
mod did_you_mean;
mod endpoint_url;
mod fields;
mod key_layout;
mod local;
mod location;
mod loose_duration;
mod options;
mod policy;
mod unknown_attribute;
mod value;

pub use attribute::About;
pub use attributes::{s3_attribute, s3_attributes};
pub use bucket::Bucket;
pub(crate) use bucket::{BucketKind, is_host_label, is_virtual_hostable};
pub(crate) use bucket_in_endpoint::Fix;
pub use cache_ref::CacheRef;
pub use credential_options::{AccessKeys, CredentialOptions, RoleOptions};
pub use defaults::DefaultAttributes;
pub(crate) use did_you_mean::distance;
pub use did_you_mean::{did_you_mean, question};
pub use endpoint_url::EndpointUrl;
pub use fields::{parse_fields, quote_field};
pub use key_layout::KeyLayout;
pub use local::LocalOptions;
pub use location::{AccountId, Location};
pub use options::{CacheOptions, CacheOptionsBuilder};
pub use policy::{Mode, OnConflict, PayloadSigning, Policy, RequestPayer, RetryMode, VerifySource};
#[doc(hidden)]
pub use value::{parse_option_duration, parse_option_size};
