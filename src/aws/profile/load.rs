//! Selects the profile and loads it from the two AWS files.

use crate::aws::profile::links::link;
use crate::aws::profile::sections::{DEFAULT, Files};
use crate::aws::profile::{ATTRIBUTE, Profile};
use crate::base::{Env, Error, Result};

impl Profile {
    /// Loads the profile named by `attribute`, `$AWS_PROFILE` or `$AWS_DEFAULT_PROFILE`, or else `default`.
    ///
    /// # Errors
    /// If one of the first two names a missing profile, the profile or one it refers to contradicts itself, or a file
    /// cannot be read. A missing file is not an error.
    pub(crate) fn load(attribute: Option<&str>, env: &dyn Env) -> Result<Self> {
        let variable = |name: &'static str| env.var(name).map(|value| (value, Some(name)));
        let attribute = attribute.filter(|name| !name.is_empty()).map(|name| (name.to_owned(), Some(ATTRIBUTE)));
        let (name, chosen_by) = attribute
            .or_else(|| variable("AWS_PROFILE"))
            .or_else(|| variable("AWS_DEFAULT_PROFILE"))
            .unwrap_or_else(|| (DEFAULT.to_owned(), None));
        let files = Files::load(env)?;
        match (files.profile(&name)?, chosen_by) {
            (Some(profile), _) => {
                let linked = link(Self { chosen_by, ..profile }, &files)?;
                let complaint = files.complaint(&name, linked.has_credentials());
                Ok(Self { complaint, ..linked })
            }
            (None, Some(ATTRIBUTE)) => Err(files.missing(&name, ATTRIBUTE, Error::usage)),
            (None, Some(variable @ "AWS_PROFILE")) => Err(files.missing(&name, variable, Error::setup)),
            (None, _) => {
                let complaint = files.complaint(&name, false);
                Ok(Self { name, chosen_by, files: files.shown(), complaint, ..Self::default() })
            }
        }
    }
}
