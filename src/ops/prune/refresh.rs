//! Finds out whether a copy of an object onto itself refreshes its age.

use std::time::Duration;

use crate::base::{Error, ErrorKind, Result};
use crate::object::{BytesPayload, ObjectStore as _, PutMode};
use crate::ops::cache::S3Cache;
use crate::ops::manifests::Before;
use crate::ops::persist::{is_transient_or_damaged_once, persist};
use crate::ops::prune::mark::{MARK, Mark};
use crate::ops::prune::record::another;

/// Stores report times in whole seconds.
const PAUSE: Duration = Duration::from_millis(1100);
const TRIES: usize = 4;

/// Refreshes the object with the record, as exports refresh blobs, and returns whether its last-modified time changed.
/// Creates the object if `before` says that it does not exist, and updates `before`.
///
/// # Errors
/// [`Error::Conflict`] if another pruning removes the object meanwhile; otherwise if the store fails.
pub(super) fn copies_refresh(cache: &S3Cache, before: &mut Before) -> Result<bool> {
    let key = cache.keys.own(MARK);
    if *before == Before::Absent {
        let empty = BytesPayload::new(Mark::default().print());
        let put = || cache.store.put(&key, &empty, &PutMode::Overwrite);
        persist(&cache.context, is_transient_or_damaged_once(), put)?;
        *before = Before::of(cache.store.head(&key)?);
    }
    let modified = |meta: crate::object::ObjectMeta| meta.last_modified.map(|time| time.instant());
    for tries in 0..TRIES {
        if tries > 0 {
            cache.context.clock.sleep(PAUSE, &cache.context.cancel);
            cache.context.cancel.check()?;
        }
        let meta = cache.store.head(&key)?.ok_or_else(another)?;
        let is_ours = Before::of(Some(meta.clone())) == *before;
        match persist(&cache.context, Error::is_transient, || cache.store.touch(&key, &meta)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(another()),
            // A refusal of these credentials says nothing about the store.
            Err(error) if error.is_transient() || matches!(error.kind(), ErrorKind::Access | ErrorKind::Cancelled) => {
                return Err(error);
            }
            Err(error) => {
                log::info!("the store does not copy an object onto itself: {}", error.chain());
                return Ok(false);
            }
        }
        let after = cache.store.head(&key)?.ok_or_else(another)?;
        if is_ours {
            *before = Before::of(Some(after.clone()));
        }
        match (modified(meta), modified(after)) {
            (Some(then), Some(now)) if now > then => return Ok(true),
            (Some(_), Some(_)) => {}
            _ => return Ok(false),
        }
    }
    Ok(false)
}
