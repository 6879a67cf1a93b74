//! Finding out which blobs a store already has, with as few requests as it takes.

use std::collections::HashMap;

use crate::base::{Digest, Error, ErrorKind, Result};
use crate::ops::cache::S3Cache;
use crate::store::ObjectMeta;
use crate::transfer;

/// Of up to this many blobs the first is listed, which tells of the bucket too, and the others are asked for one by one.
const FEW: usize = 4;

/// What the store knows of those of `blobs` that it has.
///
/// # Errors
/// When the bucket is missing, or the store refuses or fails.
pub(super) fn find(cache: &S3Cache, blobs: &[(Digest, u64)]) -> Result<HashMap<Digest, ObjectMeta>> {
    let Some((first, _)) = blobs.first() else {
        cache.store.probe()?;
        return Ok(HashMap::new());
    };
    let few = blobs.len() <= FEW;
    let all = cache.options.blob_key_prefix();
    let mut found = HashMap::with_capacity(blobs.len());
    // How many of the blobs the listing tells of, also that they are not there.
    let mut told = 0;
    let prefix = if few { cache.options.blob_key(first) } else { all.clone() };
    match cache.store.list(&prefix, None) {
        Ok(page) => {
            if page.continuation.is_none() {
                told = if few { 1 } else { blobs.len() };
            }
            let digest = |key: &str| key.strip_prefix(&all)?.parse::<Digest>().ok();
            found.extend(page.objects.into_iter().filter_map(|(key, meta)| Some((digest(&key)?, meta))));
        }
        Err(error) if is_refused(&error) => {
            log::info!("the bucket may not be listed, asking for each blob instead: {error}");
            cache.store.probe()?;
        }
        Err(error) => return Err(error),
    }
    let unknown = blobs.iter().enumerate().filter(|(at, (digest, _))| match found.get(digest) {
        // An archived one may have been restored: no listing tells.
        Some(meta) => !meta.readable,
        None => *at >= told,
    });
    let unknown: Vec<Digest> = unknown.map(|(_, (digest, _))| *digest).collect();
    let answers = transfer::run(unknown, cache.connections, &cache.context.cancel, |digest, _| {
        Ok((digest, cache.store.head(&cache.options.blob_key(&digest))?))
    })?;
    for (digest, meta) in answers {
        match meta {
            Some(meta) => found.insert(digest, meta),
            None => found.remove(&digest),
        };
    }
    Ok(found)
}

/// There may be no listings for us, or none at all.
fn is_refused(error: &Error) -> bool {
    let unsupported = matches!(error, Error::S3(refusal) if matches!(refusal.status, Some(405 | 501)));
    unsupported || error.kind() == ErrorKind::Access
}
