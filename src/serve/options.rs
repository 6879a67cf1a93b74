//! Options of a server that are not attributes of a cache.

use std::time::Duration;

use crate::base::{Error, Result, Secret};

/// dockerd waits 30 seconds for a response.
const MANIFEST_TIMEOUT: Duration = Duration::from_secs(25);

/// Options of a [`Server`](super::Server).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServeOptions {
    /// Names and addresses that clients may use in the header `Host`, with or without a port, besides the address the
    /// server listens on.
    pub hosts: Vec<String>,
    /// The users that may use the server; `None` allows access without authentication.
    pub users: Option<Users>,
    /// Whether to answer requests for layers with a presigned URL of the store, if it has such URLs, instead of the
    /// bytes.
    pub redirect: bool,
    /// Whether `S3Cache::serve` also lets clients write.
    pub write: bool,
    /// How long finding a manifest may take. After that, the server reports a miss, and the client builds without the
    /// cache.
    pub manifest_timeout: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        let (hosts, users, redirect, write) = (Vec::new(), None, false, false);
        Self { hosts, users, redirect, write, manifest_timeout: MANIFEST_TIMEOUT }
    }
}

/// Users and their passwords, for Basic authentication.
#[derive(Clone, Debug, Default)]
pub struct Users(Vec<Secret>);

impl ServeOptions {
    /// Returns the defaults: read-only, without authentication.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a [host](Self::hosts).
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Sets [`users`](Self::users).
    #[must_use]
    pub fn users(mut self, users: Users) -> Self {
        self.users = Some(users);
        self
    }

    /// Sets [`redirect`](Self::redirect).
    #[must_use]
    pub fn redirect(mut self, redirect: bool) -> Self {
        self.redirect = redirect;
        self
    }

    /// Sets [`write`](Self::write).
    #[must_use]
    pub fn write(mut self, write: bool) -> Self {
        self.write = write;
        self
    }

    /// Sets [`manifest_timeout`](Self::manifest_timeout).
    #[must_use]
    pub fn manifest_timeout(mut self, timeout: Duration) -> Self {
        self.manifest_timeout = timeout;
        self
    }
}

impl Users {
    /// Parses lines of `USER:PASSWORD`. Empty lines and those that begin with `#` are skipped.
    ///
    /// ```
    /// use s3_build_cache::serve::Users;
    ///
    /// let users = Users::parse("# CI\nci:secret\n")?;
    /// assert!(!format!("{users:?}").contains("secret"));
    /// assert!(Users::parse("ci\n").is_err());
    /// # Ok::<(), s3_build_cache::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setup`] if there are no users, or a line has no colon, no user, or no password. The message shows only
    /// the number of the line.
    pub fn parse(text: &str) -> Result<Self> {
        let hint = "write one USER:PASSWORD per line";
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let users = lines.map(|(at, line)| match line.split_once(':') {
            Some((user, password)) if !user.is_empty() && !password.is_empty() => Ok(Secret::new(line)),
            _ => Err(Error::setup(format!("line {} is not a user and a password", at + 1)).with_hint(hint)),
        });
        let users: Vec<Secret> = users.collect::<Result<_>>()?;
        if users.is_empty() {
            return Err(Error::setup("there are no users").with_hint(hint));
        }
        Ok(Self(users))
    }

    /// Returns each `USER:PASSWORD`.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }
}
