//! Writing an object.

use crate::object::meta::Version;

/// The condition under which an object is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutMode {
    /// Replaces an existing object.
    #[default]
    Overwrite,
    /// Writes the object only if it does not exist.
    Create,
    /// Writes the object only if it exists in this version.
    Replace(Version),
}
