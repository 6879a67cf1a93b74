//! Finding and reading the manifests of one or more caches.

use crate::base::{Error, Problem, Result};
use crate::manifest::{CacheConfig, MAX_MANIFEST_BYTES};
use crate::ops::cache::S3Cache;
use crate::ops::download::ResumingReader;
use crate::ops::report::SourceOutcome;
use crate::transfer;

/// A manifest that exists.
pub(super) struct Found {
    pub(super) name: String,
    pub(super) location: String,
    pub(super) config: CacheConfig,
}

/// The manifests of all names of one cache that exist.
pub(super) fn load_names(cache: &S3Cache) -> Result<Vec<Found>> {
    for warning in cache.options.warnings() {
        cache.context.warn(&warning);
    }
    let names = cache.options.names.clone();
    let found = transfer::run(names, cache.connections, &cache.context.cancel, |name, _| {
        let key = cache.options.manifest_key(&name);
        let Some(reader) = ResumingReader::open(cache.store.clone(), cache.context.clone(), key.clone())? else {
            return Ok(None);
        };
        let location = cache.store.location(&key);
        let bytes = reader.read_to_vec(MAX_MANIFEST_BYTES)?;
        let config = CacheConfig::from_s3_json(&bytes).map_err(|error| match error {
            Error::Integrity(problem) => Error::Integrity(
                Problem::new(format!("{location} is not a valid cache manifest"))
                    .source(Error::Integrity(problem))
                    .hint("export the cache again under this name"),
            ),
            other => other,
        })?;
        Ok(Some(Found { name, location, config }))
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// The sources that answered, and the manifests they have. With `strict`, all must answer.
pub(super) fn find<'a>(
    sources: &'a [S3Cache],
    strict: bool,
    had: &mut Vec<SourceOutcome>,
) -> Result<(Vec<&'a S3Cache>, Vec<Found>)> {
    let mut answered = Vec::new();
    let mut found = Vec::new();
    let mut first_error = None;
    for source in sources {
        match load_names(source) {
            Ok(manifests) => {
                let names: Vec<String> = manifests.iter().map(|found| found.name.clone()).collect();
                had.push(if names.is_empty() { SourceOutcome::Miss } else { SourceOutcome::Found(names) });
                answered.push(source);
                found.extend(manifests);
            }
            Err(error) => {
                had.push(SourceOutcome::Failed {
                    kind: error.kind(),
                    message: error.chain(),
                    hint: error.hint().map(str::to_owned),
                });
                if strict || sources.len() == 1 || matches!(error, Error::Canceled) {
                    return Err(error);
                }
                source.context.warn(&format!("going on without a source: {}", error.chain()));
                first_error.get_or_insert(error);
            }
        }
    }
    match first_error {
        Some(error) if answered.is_empty() => Err(error),
        _ => Ok((answered, found)),
    }
}
