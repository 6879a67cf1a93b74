//! The caches that a command uses: opened, and tried before the command starts.

use s3_build_cache::{ErrorKind, Result, S3Cache};

use crate::output::failure::one_line;
use crate::run::s3_value::{Direction, S3Value};
use crate::session::{Session, label};

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

fn write(session: &Session, value: &S3Value) -> Result<Usable> {
    let options = value.options.signed();
    let opened = session.open(&options).and_then(|cache| cache.preflight(true).map(|()| cache));
    match opened {
        Ok(cache) => Ok(Usable::Write(Box::new(cache))),
        Err(error) if value.ignores_errors() && error.kind() != ErrorKind::Usage => {
            log::warn!("nothing is written to {} and ignore-error is set: {}", label(&options), one_line(&error));
            Ok(Usable::Dropped)
        }
        Err(error) => Err(error),
    }
}

fn read(session: &Session, value: &S3Value) -> Result<Option<S3Cache>> {
    let opened = session.open(&value.options).and_then(|cache| cache.preflight(false).map(|()| cache));
    match opened {
        Ok(cache) => Ok(Some(cache)),
        Err(error) if error.kind() == ErrorKind::Usage => Err(error),
        Err(error) => {
            log::warn!("building without the cache {}: {}", label(&value.options), one_line(&error));
            Ok(None)
        }
    }
}
