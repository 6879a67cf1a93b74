//! The variables that the command gets.

use s3_build_cache::options::AccessKeys;
use s3_build_cache::{Error, Result};

use crate::run::s3_value::{Direction, S3Value};

/// The name and value of a variable; without a value it is removed.
pub(crate) type Variable = (&'static str, Option<String>);

/// The variables of the options that only this run has. A `run` within the command would write the same file and listen
/// on the same port.
pub(crate) const OF_THIS_RUN: [&str; 2] = ["S3_BUILD_CACHE_SUMMARY", "S3_BUILD_CACHE_ADVERTISE"];

/// Returns the variable for the caches of `run` itself.
pub(crate) fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::To => "S3_BUILD_CACHE_TO",
        Direction::From => "S3_BUILD_CACHE_FROM",
    }
}

/// Returns the variables with the keys of caches that buildx opens itself. Without keys in the attributes, buildx finds
/// the same ones as this program.
///
/// # Errors
/// [`Error::Usage`] if the caches have different keys.
pub(crate) fn keys<'a>(values: impl Iterator<Item = &'a S3Value>) -> Result<Vec<Variable>> {
    let all: Vec<Option<&AccessKeys>> = values.map(S3Value::keys).collect();
    let Some((first, others)) = all.split_first() else { return Ok(Vec::new()) };
    if others.iter().any(|other| other != first) {
        let error = Error::usage("the caches have different keys, and BuildKit's own S3 cache takes one pair");
        return Err(error.with_hint("use the same keys for all, or pass --advertise HOST:PORT"));
    }
    Ok(first.map_or_else(Vec::new, |keys| {
        let token = keys.session_token.as_ref().map(|token| token.expose().to_owned());
        vec![
            ("AWS_ACCESS_KEY_ID", Some(keys.id.clone())),
            ("AWS_SECRET_ACCESS_KEY", Some(keys.secret.expose().to_owned())),
            ("AWS_SESSION_TOKEN", token),
        ]
    }))
}
