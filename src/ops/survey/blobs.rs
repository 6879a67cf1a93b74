//! Lists all blobs of a bucket.

use crate::base::{Event, Progress as _, Result, Step};
use crate::bucket::{BlobListing, Listed, is_folder};
use crate::go::Timestamp;
use crate::object::{ListOptions, ListedObject, ObjectStore as _};
use crate::ops::cache::S3Cache;
use crate::ops::persist::{is_transient_and_reached, persist};
use crate::ops::survey::stored::StoredBlobs;
use crate::ops::survey::sum::BlobSum;

/// How many objects of a directory are listed between two reports of progress.
const WALK_STEP: u64 = 1000;

/// Lists all blobs of the bucket, over several connections if there are many.
///
/// # Errors
/// If the store refuses or fails, or does not list everything.
pub(in crate::ops) fn list_blobs(cache: &S3Cache) -> Result<StoredBlobs> {
    let S3Cache { store, keys, pool, context, .. } = cache;
    let fetch =
        |options: &ListOptions| persist(context, is_transient_and_reached, || store.list_page(keys.blobs(), options));
    let connections = store.connections();
    if cache.options.location().is_directory() {
        return walk(cache);
    }
    let (prefix, in_order, cancel) = (keys.blobs(), store.lists_in_order(), &context.cancel);
    let listing = BlobListing { prefix, fetch: &fetch, in_order, pool, connections, cancel };
    let (mut blobs, mut done, mut expected) = (StoredBlobs::default(), 0, None);
    listing.run(&mut |part| match part {
        Listed::Objects(objects) => {
            done += objects.len() as u64;
            objects.into_iter().for_each(|object| add(cache, &mut blobs, object));
            blobs.began = blobs.began.or(blobs.table.now());
            context.progress.event(&Event::Counted { step: Step::ListBlobs, done, expected });
        }
        Listed::Expected(objects) => expected = Some(objects),
        Listed::Again => {
            blobs.table.clear();
            (blobs.others, done) = (BlobSum::default(), 0);
        }
    })?;
    blobs.table.sort();
    // A bucket without blobs has no ages to tell the time from.
    blobs.began = blobs.began.or_else(|| store.now().map(|now| Timestamp::from(now).unix_seconds()));
    Ok(blobs)
}

/// Does the same in a directory, which would be read once for each page.
fn walk(cache: &S3Cache) -> Result<StoredBlobs> {
    let (mut blobs, mut done) = (StoredBlobs::default(), 0);
    for object in cache.store.inner().objects(cache.keys.blobs(), None) {
        add(cache, &mut blobs, object?);
        blobs.began = blobs.began.or(blobs.table.now());
        done += 1;
        if done % WALK_STEP == 0 {
            cache.context.cancel.check()?;
            cache.context.progress.event(&Event::Counted { step: Step::ListBlobs, done, expected: None });
        }
    }
    blobs.table.sort();
    Ok(blobs)
}

fn add(cache: &S3Cache, blobs: &mut StoredBlobs, object: ListedObject) {
    match cache.keys.digest(&object.key) {
        Some(digest) => blobs.table.push(digest, &object.meta),
        None if is_folder(&object) => {}
        None => blobs.others.add(object.meta.size),
    }
}
