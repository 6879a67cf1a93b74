//! AWS's configuration and services: the shared files and their profiles, settings, partitions, and requests to the
//! services that provide credentials.

mod caller_identity;
mod contradictions;
mod custom_endpoint;
mod denial;
mod ini;
mod json_object;
mod key_shape;
mod keys;
mod lookup;
mod partition;
mod profile;
mod region;
mod remarks;
pub(crate) mod service;
mod setting;
mod settings;
mod shared_files;
pub(crate) mod sts;
mod text_file;
mod variables;
mod zone;

pub(crate) use caller_identity::caller_identity;
pub(crate) use denial::{Denial, DenialReason};
#[cfg(any(test, fuzzing))]
pub(crate) use ini::{Ini, Section, Value, parse as parse_ini};
pub(crate) use json_object::{JsonObject, KeyNames};
pub(crate) use key_shape::KeyMistake;
pub(crate) use keys::KeyPair;
pub(crate) use lookup::{bool_variable, invalid, variable_or_setting};
pub(crate) use partition::{Partition, has_acceleration, is_aws_s3, is_opt_in, opt_in_hint};
pub(crate) use profile::Profile;
pub(crate) use region::is_region_name;
pub(crate) use service::ServiceContext;
pub(crate) use setting::{Setting, blame};
pub(crate) use settings::{S3Settings, Settings};
pub(crate) use text_file::read_text;
pub use variables::VARIABLES;
pub(crate) use variables::check_quotes;
pub(crate) use zone::region_of_zone;

#[cfg(test)]
pub(crate) mod tests;
