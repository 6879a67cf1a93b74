//! Finding out which blobs a store already has, with as few requests as it takes.

use std::collections::HashMap;

use crate::base::{Digest, Error, ErrorKind, Result, S3ErrorClass};
use crate::ops::cache::S3Cache;
use crate::ops::rounds::run_each;
use crate::s3::connection_broke;
use crate::store::ObjectMeta;

/// Of up to this many blobs the first is listed, which tells of the bucket too, and the others are asked for one by one.
const FEW: usize = 4;

/// What the store knows of those of `blobs` that it has.
///
/// # Errors
/// When the bucket is missing, or the store refuses or fails.
pub(super) fn find(cache: &S3Cache, blobs: &[(Digest, u64)]) -> Result<HashMap<Digest, ObjectMeta>> {
    let Some((first, _)) = blobs.first() else {
        cache.store.probe().or_else(do_without)?;
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
            if page.continuation.is_none() && !page.incomplete {
                told = if few { 1 } else { blobs.len() };
            }
            let digest = |key: &str| key.strip_prefix(&all)?.parse::<Digest>().ok();
            found.extend(page.objects.into_iter().filter_map(|(key, meta)| Some((digest(&key)?, meta))));
        }
        Err(error) => {
            let error = if error.kind() == ErrorKind::Access { cache.store.probe() } else { Err(error) };
            error.or_else(do_without)?;
        }
    }
    let unknown = blobs.iter().enumerate().filter(|(at, (digest, _))| match found.get(digest) {
        // An archived one may have been restored: no listing tells.
        Some(meta) => !meta.readable,
        None => *at >= told,
    });
    let unknown: Vec<Digest> = unknown.map(|(_, (digest, _))| *digest).collect();
    let answers = run_each(unknown, &cache.context, cache.connections, |digest| {
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

/// Continues after a listing that failed: each blob is checked instead.
///
/// # Errors
/// When the failure is not about listings alone: no access, no bucket, a server that cannot be reached, or a web page
/// that calls itself a success, to which no blob should be sent.
fn do_without(error: Error) -> Result<()> {
    use S3ErrorClass::{Access, Network, NoSuchBucket, NotS3};
    match &error {
        Error::S3(refusal) if matches!(refusal.class, Access | NoSuchBucket) => Err(error),
        Error::S3(refusal) if refusal.class == Network && !connection_broke(refusal) => Err(error),
        Error::S3(refusal) if refusal.class == NotS3 && refusal.status.is_some_and(|status| status < 300) => Err(error),
        Error::S3(_) => {
            log::info!("the bucket cannot be listed, checking each blob instead: {error}");
            Ok(())
        }
        _ => Err(error),
    }
}
