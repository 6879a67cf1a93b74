//! The caches that a command uses: opened, and tried before the command starts.

use std::time::Duration;

use s3_build_cache::program::{oneshot, thread_builder};
use s3_build_cache::{Error, ErrorKind, Result, S3Cache};

use crate::output::failure::one_line;
use crate::run::s3_value::{Direction, S3Value};
use crate::session::{Session, label};

/// How long trying a cache may take, as long as the server then waits for a manifest.
const LIMIT: Duration = Duration::from_secs(25);

/// The caches behind one repository: one that is written, or those that are read and merged.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) direction: Direction,
    pub(crate) values: Vec<S3Value>,
}

/// The caches of a repository that can be used.
pub(crate) enum Usable {
    /// Without any, every manifest is a miss.
    Read(Vec<S3Cache>),
    Write(Box<S3Cache>),
    /// The failed export is to be ignored.
    Dropped,
}

impl Repository {
    /// Opens the caches, and tries their credentials. A cache to read that fails is a miss, with a warning.
    ///
    /// # Errors
    /// If the settings of a cache are wrong, or one to write cannot be written.
    pub(crate) fn open(&self, session: &Session) -> Result<Usable> {
        match (self.direction, self.values.as_slice()) {
            (Direction::To, [value, ..]) => write(session, value),
            _ => self
                .values
                .iter()
                .filter_map(|value| read(session, value).transpose())
                .collect::<Result<_>>()
                .map(Usable::Read),
        }
    }
}

/// Tries the credentials of a cache. A store that takes too long fails: the build waits for it.
pub(super) fn tried(cache: S3Cache, write: bool, limit: Duration) -> Result<S3Cache> {
    let (sender, receiver) = oneshot();
    let trying = cache.clone();
    let work = move || sender.send(trying.preflight(write));
    // The thread ends with the process, if not before.
    if thread_builder().and_then(|thread| thread.spawn(work)).is_err() {
        return cache.preflight(write).map(|()| cache);
    }
    match receiver.recv_timeout(limit) {
        Ok(outcome) => outcome.map(|()| cache),
        Err(_) => Err(Error::network(format!("the store did not answer within {} s", limit.as_secs()))
            .with_hint("check the network and the endpoint with s3-build-cache doctor")),
    }
}

fn write(session: &Session, value: &S3Value) -> Result<Usable> {
    let options = value.options.signed();
    let opened = session.open(&options).and_then(|cache| tried(cache, true, LIMIT));
    match opened {
        Ok(cache) => Ok(Usable::Write(Box::new(cache))),
        Err(error) if value.ignores_errors() && error.kind() != ErrorKind::Usage => {
            log::warn!("not writing the cache {} (ignore-error=true): {}", label(&options), one_line(&error));
            Ok(Usable::Dropped)
        }
        Err(error) => Err(error),
    }
}

fn read(session: &Session, value: &S3Value) -> Result<Option<S3Cache>> {
    let opened = session.open(&value.options).and_then(|cache| tried(cache, false, LIMIT));
    match opened {
        Ok(cache) => Ok(Some(cache)),
        Err(error) if error.kind() == ErrorKind::Usage => Err(error),
        Err(error) => {
            log::warn!("building without the cache {}: {}", label(&value.options), one_line(&error));
            Ok(None)
        }
    }
}
