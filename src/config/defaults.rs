//! Attributes that apply where an attribute string does not set them.

use std::fmt;
use std::str::FromStr;

use crate::base::{Error, Result};
use crate::config::attributes::{Attributes, Kind, TYPE};
use crate::config::fields::{parse_fields, quote_field};
use crate::go::parse_bool;

/// Attributes that apply where a `type=s3` string does not set them, such as those of a store that several caches
/// share.
///
/// An attribute of the string takes precedence, even if it is empty: `region=` means no region. It also replaces the
/// defaults that belong to another choice: a given `access_key_id` is never combined with the secret or the token of
/// the defaults, nor a given `role_arn` with their `external_id`. Defaults count as attributes, so they take precedence
/// over the environment and the AWS files. The library reads none from the environment: the caller decides which there
/// are.
///
/// ```
/// use s3_build_cache::CacheOptions;
/// use s3_build_cache::options::DefaultAttributes;
///
/// # fn main() -> s3_build_cache::Result<()> {
/// let defaults: DefaultAttributes = "region=eu-west-1,bucket=my-cache".parse()?;
/// let (completed, added) = defaults.complete("type=s3,bucket=other,name=app")?;
/// assert_eq!(completed, "type=s3,bucket=other,name=app,region=eu-west-1");
/// assert_eq!(added, ["region"]);
/// let options: CacheOptions = completed.parse()?;
/// # let _ = options;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DefaultAttributes(Vec<(&'static str, String)>);

/// The keys, and the attribute that contradicts them.
const KEYS: &[&str] = &["access_key_id", "secret_access_key", "session_token", "anonymous"];
/// An attribute, and the defaults that it replaces besides the one of its own name.
const REPLACES: &[(&str, &[&str])] = &[
    ("access_key_id", KEYS),
    ("secret_access_key", KEYS),
    ("session_token", KEYS),
    // Keys would take precedence over it.
    ("profile", KEYS),
    ("role_arn", &["role_session_name", "external_id", "anonymous"]),
    (
        ANONYMOUS,
        &[
            "access_key_id",
            "secret_access_key",
            "session_token",
            "role_arn",
            "role_session_name",
            "external_id",
            "request_payer",
        ],
    ),
    ("server_side_encryption", &["sse_kms_key_id"]),
];
const ANONYMOUS: &str = "anonymous";

impl FromStr for DefaultAttributes {
    type Err = Error;

    /// Parses attributes of `type=s3`, which may leave out the type. They are checked as if they were a complete
    /// string.
    ///
    /// # Errors
    /// [`Error::Usage`], which names the attribute or the column, and never shows a secret.
    fn from_str(text: &str) -> Result<Self> {
        let mut has_type = false;
        for field in parse_fields(text)? {
            has_type |= field.split_once('=').is_some_and(|(key, _)| key.eq_ignore_ascii_case(TYPE.name));
        }
        // At the end, so that the numbers of the fields stay the same.
        let typed = if has_type { text.to_owned() } else { joined(text, "type=s3") };
        let attributes = Attributes::parse(&typed)?;
        if attributes.kind() != Kind::S3 {
            return Err(Error::usage("only type=s3 has defaults").with_hint("remove type=local"));
        }
        attributes.s3()?;
        Ok(Self(attributes.into_fields()).without(TYPE.name))
    }
}

impl DefaultAttributes {
    /// Returns the attributes with the defaults for what they leave open, and the names of these. Other types than
    /// `type=s3` have no defaults.
    ///
    /// The completed attributes contain the secrets of both.
    ///
    /// # Errors
    /// [`Error::Usage`] with the column if the attributes break the grammar. All else is checked when the result is
    /// parsed.
    pub fn complete(&self, attributes: &str) -> Result<(String, Vec<&'static str>)> {
        let fields = parse_fields(attributes)?;
        let mut given: Vec<(String, &str)> = Vec::with_capacity(fields.len());
        for (key, value) in fields.iter().filter_map(|field| field.split_once('=')) {
            given.push((key.to_ascii_lowercase(), value));
        }
        let (mut completed, mut added) = (attributes.to_owned(), Vec::new());
        if given.iter().any(|(key, value)| key == TYPE.name && *value == "s3") {
            for (name, value) in &self.0 {
                if !given.iter().any(|(key, value)| key == name || replaces(key, value, name)) {
                    completed = joined(&completed, &quote_field(&format!("{name}={value}")));
                    added.push(*name);
                }
            }
        }
        Ok((completed, added))
    }

    /// Returns the defaults without an attribute.
    #[must_use]
    pub fn without(mut self, attribute: &str) -> Self {
        self.0.retain(|(name, _)| *name != attribute);
        self
    }
}

/// Returns whether a given attribute replaces the default of this name.
fn replaces(key: &str, value: &str, name: &str) -> bool {
    let chooses = key != ANONYMOUS || parse_bool(value) == Some(true);
    chooses && REPLACES.iter().any(|(given, replaced)| *given == key && replaced.contains(&name))
}

fn joined(attributes: &str, field: &str) -> String {
    format!("{},{field}", attributes.trim_end_matches(['\r', '\n']))
}

/// Shows names only: values may be secrets.
impl fmt::Debug for DefaultAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests;
