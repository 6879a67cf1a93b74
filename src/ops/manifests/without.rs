//! Writes manifests again without blobs that have vanished.

use std::collections::HashSet;

use crate::base::{Digest, Result, count};
use crate::object::ObjectStore as _;
use crate::ops::cache::S3Cache;
use crate::ops::manifests::load::load_name;
use crate::ops::manifests::write::ManifestWriter;
use crate::ops::presence;

/// How often to rewrite a manifest that other writers keep changing.
const MOST_ATTEMPTS: usize = 5;

/// Writes these manifests again without those of the blobs that are still missing, and without what needs them. Keeps
/// what other writers have written meanwhile.
///
/// # Errors
/// If the store refuses or fails, or a manifest is damaged.
pub(in crate::ops) fn drop_vanished<'n>(
    cache: &S3Cache,
    names: impl Iterator<Item = &'n String>,
    lost: &HashSet<Digest>,
) -> Result<()> {
    let (writer, lost_blobs) = (ManifestWriter::new(cache), count(lost.len(), "blob was", "blobs were"));
    cache.context.warn(&format!("{lost_blobs} deleted meanwhile: writing the manifest again without what needs them"));
    for name in names {
        let mut attempts = 0..MOST_ATTEMPTS;
        while !rewrite(cache, &writer, name, lost)? {
            if attempts.next().is_none() {
                let location = cache.store.location(&cache.keys.manifest(name));
                cache.context.warn(&format!("{location} names blobs that are missing: other writers keep changing it"));
                break;
            }
        }
    }
    Ok(())
}

/// Returns false if another writer came between.
fn rewrite(cache: &S3Cache, writer: &ManifestWriter<'_>, name: &str, lost: &HashSet<Digest>) -> Result<bool> {
    let Some(found) = load_name(cache, name.to_owned())? else { return Ok(true) };
    let mut named = found.config.blobs();
    named.retain(|(digest, _)| lost.contains(digest));
    if named.is_empty() {
        return Ok(true);
    }
    let missing: HashSet<Digest> = presence::missing(cache, &named)?.into_iter().map(|(digest, _)| digest).collect();
    if missing.is_empty() { Ok(true) } else { writer.put_without(found, &missing) }
}
