//! Finds out which blobs a store already has, with as few requests as possible.

use std::collections::HashMap;

use crate::base::{Digest, Error, ErrorKind, Result};
use crate::object::{ListOptions, ObjectMeta, ObjectStore};
use crate::ops::cache::S3Cache;
use crate::ops::rounds::run_each;

/// For up to this many blobs, only the first is listed, which also checks the bucket. The others are checked one by
/// one.
const FEW: usize = 4;

/// Returns the metadata of those `blobs` that the store has.
///
/// # Errors
/// If the bucket is missing, or the store refuses or fails.
pub(super) fn find(cache: &S3Cache, blobs: &[(Digest, u64)]) -> Result<HashMap<Digest, ObjectMeta>> {
    let Some((first, _)) = blobs.first() else {
        cache.store.probe().or_else(do_without)?;
        return Ok(HashMap::new());
    };
    let few = blobs.len() <= FEW;
    let mut found = HashMap::with_capacity(blobs.len());
    // The number of blobs that the listing covers, present or absent.
    let mut told = 0;
    let prefix = if few { cache.keys.blob(first) } else { cache.keys.blobs().to_owned() };
    match cache.store.list_page(&prefix, &ListOptions::default()) {
        Ok(page) => {
            if page.continuation.is_none() && !page.incomplete {
                told = if few { 1 } else { blobs.len() };
            }
            let objects = page.objects.into_iter();
            found.extend(objects.filter_map(|object| Some((cache.keys.digest(&object.key)?, object.meta))));
        }
        Err(error) => {
            let error = if error.kind() == ErrorKind::Access { cache.store.probe() } else { Err(error) };
            error.or_else(do_without)?;
        }
    }
    let unknown = blobs.iter().enumerate().filter(|(at, (digest, _))| match found.get(digest) {
        // An archived object may have been restored, which listings do not show.
        Some(meta) => !meta.readable,
        None => *at >= told,
    });
    let unknown: Vec<Digest> = unknown.map(|(_, (digest, _))| *digest).collect();
    let answers = run_each(cache, unknown, |digest| Ok((digest, cache.store.head(&cache.keys.blob(&digest))?)))?;
    for (digest, meta) in answers {
        match meta {
            Some(meta) => found.insert(digest, meta),
            None => found.remove(&digest),
        };
    }
    Ok(found)
}

/// Continues after a failed listing: each blob is checked individually instead.
///
/// # Errors
/// If the failure is not specific to listings: access denied, no bucket, an unreachable server, or a web page with a
/// success status, which must not receive any blobs.
fn do_without(error: Error) -> Result<()> {
    if !error.may_concern_operation() {
        return Err(error);
    }
    log::info!("the bucket cannot be listed, checking each blob instead: {error}");
    Ok(())
}
