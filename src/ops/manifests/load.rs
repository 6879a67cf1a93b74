//! Finds and reads the manifests of one or more caches.

use crate::base::{Error, ErrorKind, Result};
use crate::cache_config::CacheConfig;
use crate::object::{ObjectStore, Version};
use crate::ops::cache::S3Cache;
use crate::ops::persist::{is_transient_and_reached, persist};
use crate::ops::report::SourceOutcome;

/// An existing manifest.
pub(in crate::ops) struct Found {
    pub(in crate::ops) name: String,
    pub(in crate::ops) location: String,
    pub(in crate::ops) version: Option<Version>,
    pub(in crate::ops) config: CacheConfig,
}

/// The manifest under one name, if any.
enum Named {
    Found(Found),
    Absent,
    /// An unusable manifest. Those under other names may still be valid.
    Damaged(Error),
}

/// Returns the existing manifests of all names of one cache. As long as one of them is valid, damaged ones are skipped
/// with a warning, unless `strict` is set.
pub(in crate::ops) fn load_names(cache: &S3Cache, strict: bool) -> Result<Vec<Found>> {
    let names = cache.options.keys().names.clone();
    let all = cache.pool.map(names, &cache.context.cancel, |name, _| match load_name(cache, name) {
        Err(error) if is_damage(&error) => Ok(Named::Damaged(error)),
        loaded => Ok(loaded?.map_or(Named::Absent, Named::Found)),
    })?;
    let (mut found, mut damaged) = (Vec::new(), Vec::new());
    for named in all {
        match named {
            Named::Found(one) => found.push(one),
            Named::Absent => {}
            Named::Damaged(error) => damaged.push(error),
        }
    }
    if strict || found.is_empty() {
        return damaged.into_iter().next().map_or(Ok(found), Err);
    }
    let warnings = damaged.iter().map(|error| format!("skipping a manifest: {}", error.chain())).collect();
    cache.context.warn_all(warnings, "manifests were skipped");
    Ok(found)
}

/// Returns the manifest with this name, or `None` if it does not exist.
pub(in crate::ops) fn load_name(cache: &S3Cache, name: String) -> Result<Option<Found>> {
    Ok(load_bytes(cache, name)?.map(|(found, _)| found))
}

/// Same as [`load_name`], but also returns the bytes of the manifest.
pub(in crate::ops) fn load_bytes(cache: &S3Cache, name: String) -> Result<Option<(Found, Vec<u8>)>> {
    let key = cache.keys.manifest(&name);
    let location = cache.store.location(&key);
    let bytes = match persist(&cache.context, is_transient_and_reached, || read(cache, &key, true)) {
        // The object changed, or the store sends a different entity tag with each response. Size and format decide.
        Err(Error::Conflict(_)) => read(cache, &key, false)?,
        Err(error) if error.kind() == ErrorKind::Archived => {
            cache.context.warn(&format!("{location} is archived, which counts as absent: export the cache again"));
            None
        }
        bytes => bytes?,
    };
    let Some((bytes, version)) = bytes else { return Ok(None) };
    let config = CacheConfig::from_s3_json(&bytes).map_err(|error| match error {
        Error::Integrity(_) => Error::integrity(format!("{location} is not a valid cache manifest"))
            .with_source(error)
            .with_hint("export the cache again under this name"),
        other => other,
    })?;
    Ok(Some((Found { name, location, version, config }, bytes)))
}

/// The bytes of a manifest, and its version.
type Bytes = (Vec<u8>, Option<Version>);

fn read(cache: &S3Cache, key: &str, trusts_etag: bool) -> Result<Option<Bytes>> {
    let Some(reader) = cache.open_object(key.to_owned())? else { return Ok(None) };
    let version = reader.version();
    Ok(Some((reader.trusting_etag(trusts_etag).read_to_vec(cache.tuning.max_manifest)?, version)))
}

/// Returns whether the error concerns one object: it is not a manifest, or cannot be read. Errors that concern all
/// objects, such as missing permissions or a missing bucket, do not count.
pub(in crate::ops) fn is_damage(error: &Error) -> bool {
    use ErrorKind::{
        Archived, Conflict, Integrity, InvalidRange, Network, NotFound, PreconditionFailed, Store, Unsupported,
    };
    matches!(
        error.kind(),
        Archived | Integrity | InvalidRange | Conflict | Network | NotFound | PreconditionFailed | Store | Unsupported
    )
}

impl S3Cache {
    /// Warns about prefixes that are valid but probably unintended.
    pub(crate) fn warn_about_keys(&self) {
        for warning in self.options.keys().warnings() {
            self.context.warn(&warning);
        }
    }
}

/// Returns the sources that responded and their manifests. With `strict`, all sources must respond, and no manifest may
/// be damaged.
pub(in crate::ops) fn find<'a>(
    sources: &'a [S3Cache],
    strict: bool,
    had: &mut Vec<SourceOutcome>,
) -> Result<(Vec<&'a S3Cache>, Vec<Found>)> {
    let mut answered = Vec::new();
    let mut found = Vec::new();
    let mut first_error = None;
    for source in sources {
        match load_names(source, strict) {
            Ok(manifests) => {
                let names: Vec<String> = manifests.iter().map(|found| found.name.clone()).collect();
                had.push(if names.is_empty() { SourceOutcome::Miss } else { SourceOutcome::Found(names) });
                answered.push(source);
                found.extend(manifests);
            }
            Err(error) => {
                had.push(SourceOutcome::Failed(error.clone()));
                if strict || sources.len() == 1 || matches!(error, Error::Cancelled) {
                    return Err(error);
                }
                source.context.warn(&format!("skipping a source: {}", error.chain()));
                first_error.get_or_insert(error);
            }
        }
    }
    match first_error {
        Some(error) if answered.is_empty() => Err(error),
        _ => Ok((answered, found)),
    }
}
