//! Finding out which blobs a store already has, with as few requests as it takes.

use std::collections::HashMap;

use crate::base::{Digest, ErrorKind, Result};
use crate::ops::cache::S3Cache;
use crate::store::ObjectMeta;
use crate::transfer;

/// Up to this many blobs are asked for one by one: as quick as a listing, and it needs no permission to list.
const FEW: usize = 4;

/// What the store knows of those of `blobs` that it has.
///
/// # Errors
/// When the bucket is missing, or the store refuses or fails.
pub(super) fn find(cache: &S3Cache, blobs: &[(Digest, u64)]) -> Result<HashMap<Digest, ObjectMeta>> {
    let mut found = HashMap::with_capacity(blobs.len());
    // A page of all, or of the only one: what is asked of the bucket first tells whether there is one.
    let (prefix, wanted) = match blobs {
        [(first, _), rest @ ..] if rest.len() < FEW => (cache.options.blob_key(first), 1),
        _ => (cache.options.blob_key_prefix(), blobs.len()),
    };
    let mut listed = 0;
    match cache.store.list(&prefix, None) {
        Ok(page) => {
            if page.continuation.is_none() {
                listed = wanted;
            }
            let prefix = cache.options.blob_key_prefix();
            let digest = |key: &str| key.strip_prefix(&prefix)?.parse::<Digest>().ok();
            found.extend(page.objects.into_iter().filter_map(|(key, meta)| Some((digest(&key)?, meta))));
        }
        Err(error) if error.kind() == ErrorKind::Access => {
            log::info!("the bucket may not be listed, asking for each blob instead: {error}");
            cache.store.probe()?;
        }
        Err(error) => return Err(error),
    }
    let unlisted = blobs.get(listed..).unwrap_or_default().iter().map(|(digest, _)| *digest);
    let unknown: Vec<Digest> = unlisted.filter(|digest| !found.contains_key(digest)).collect();
    let answers = transfer::run(unknown, cache.connections, &cache.context.cancel, |digest, _| {
        Ok((digest, cache.store.head(&cache.options.blob_key(&digest))?))
    })?;
    found.extend(answers.into_iter().filter_map(|(digest, meta)| Some((digest, meta?))));
    Ok(found)
}
