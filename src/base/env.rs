//! The process environment, as a value that tests can create.

use std::collections::BTreeMap;
use std::env::VarError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// A source of environment variables and of the home directory.
pub trait Env: Send + Sync {
    /// Returns the value of `name`. Unset, empty and non-UTF-8 values are all `None`: no variable used here has a
    /// meaning when empty.
    fn var(&self, name: &str) -> Option<String>;

    /// Returns whether `name` is unset or its value is UTF-8. Values that are not UTF-8 must not be treated as unset.
    fn is_readable(&self, name: &str) -> bool {
        let _ = name;
        true
    }

    /// Returns whether `name` is set, even to an empty value. One rule of AWS's endpoint selection needs this.
    fn is_set(&self, name: &str) -> bool;

    /// Returns the home directory: `$HOME`, else from the user database.
    fn home(&self) -> Option<PathBuf>;
}

impl<E: Env + ?Sized> Env for Arc<E> {
    fn var(&self, name: &str) -> Option<String> {
        (**self).var(name)
    }

    fn is_readable(&self, name: &str) -> bool {
        (**self).is_readable(name)
    }

    fn is_set(&self, name: &str) -> bool {
        (**self).is_set(name)
    }

    fn home(&self) -> Option<PathBuf> {
        (**self).home()
    }
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn is_readable(&self, name: &str) -> bool {
        !matches!(std::env::var(name), Err(VarError::NotUnicode(_)))
    }

    fn is_set(&self, name: &str) -> bool {
        std::env::var_os(name).is_some()
    }

    fn home(&self) -> Option<PathBuf> {
        std::env::home_dir().filter(|path| !path.as_os_str().is_empty())
    }
}

/// An environment with given variables, for tests and for embedders that must not use the environment of the process.
#[derive(Clone, Default)]
pub struct MapEnv(BTreeMap<String, String>);

impl MapEnv {
    /// Returns an environment with only these variables; `HOME` is the home directory.
    pub fn new<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl Env for MapEnv {
    fn var(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn is_set(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn home(&self) -> Option<PathBuf> {
        self.var("HOME").map(PathBuf::from)
    }
}

/// Shows names only: values may be secrets.
impl fmt::Debug for MapEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
