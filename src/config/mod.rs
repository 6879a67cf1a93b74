//! Attributes as buildx takes them, and the options they become. Pure: nothing here looks at the environment.

mod attributes;
mod cache_ref;
mod endpoint_url;
mod fields;
mod go;
mod local;
mod options;

pub use cache_ref::CacheRef;
pub use endpoint_url::EndpointUrl;
#[cfg(any(test, fuzzing))]
pub(crate) use fields::{parse_fields, quote_field};
#[cfg(any(test, fuzzing))]
pub(crate) use go::parse_duration;
pub use local::LocalOptions;
pub(crate) use options::check_bucket;
pub use options::{CacheOptions, Mode, RetryMode};
