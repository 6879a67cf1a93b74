//! The process environment, as a value that tests can make.

use std::collections::BTreeMap;
use std::env::VarError;
use std::fmt;
use std::path::PathBuf;

/// Where environment variables and the home directory come from.
pub trait Env: Send + Sync {
    /// The value of `name`. Unset, empty and non-UTF-8 values are all `None`: nothing here means anything empty.
    fn var(&self, name: &str) -> Option<String>;

    /// Whether `name` is unset or has a value in UTF-8. What has another one must not pass for unset.
    fn is_readable(&self, name: &str) -> bool {
        let _ = name;
        true
    }

    /// Whether `name` is set at all, be it to nothing. One rule of AWS's endpoint selection asks for this.
    fn is_set(&self, name: &str) -> bool;

    /// The home directory: `$HOME`, else the user database.
    fn home(&self) -> Option<PathBuf>;
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

/// An environment made of given variables: for embedders that must not look at the process, and for tests.
#[derive(Clone, Default)]
pub struct MapEnv(BTreeMap<String, String>);

impl MapEnv {
    /// An environment with these variables and no others; `HOME` is the home directory.
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

/// Names only: values may be secrets.
impl fmt::Debug for MapEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
