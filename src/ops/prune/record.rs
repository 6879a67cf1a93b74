//! Records which blobs no manifest references.

use crate::base::{Error, ErrorKind, Result};
use crate::object::{BytesPayload, ObjectStore as _, PutMode};
use crate::ops::cache::S3Cache;
use crate::ops::manifests::Before;
use crate::ops::persist::{is_transient_or_damaged_once, persist};
use crate::ops::prune::mark::{MARK, Mark};
use crate::ops::prune::plan::{Fate, State};
use crate::ops::remove_object::{Removal, remove_object};
use crate::ops::survey::BlobSum;

/// The blobs in a record.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// Those that this run has added.
    pub(super) new: BlobSum,
    /// Those of earlier runs.
    pub(super) waiting: BlobSum,
}

/// Writes the record of the blobs that are free at their positions; `since` is the time of this run. Returns `None` if
/// another pruning has written it meanwhile, whose record stays.
///
/// # Errors
/// If the store refuses or fails.
pub(super) fn record(
    cache: &S3Cache,
    state: &mut State,
    is_free: impl Fn(usize, &Fate) -> bool,
    since: i64,
) -> Result<Option<Recorded>> {
    let (mut mark, mut recorded) = (Mark::default(), Recorded::default());
    for (at, fate) in state.fates.iter().enumerate().filter(|(at, fate)| is_free(*at, fate)) {
        let Some(blob) = state.blobs.table.get(at) else { continue };
        let (time, sum) = match fate {
            Fate::New => (since, &mut recorded.new),
            Fate::Waiting(time) | Fate::Due(Some(time)) => (*time, &mut recorded.waiting),
            Fate::Due(None) | Fate::Referenced | Fate::Deleted | Fate::Spared => continue,
        };
        sum.add(blob.size);
        mark.since.entry(time).or_default().push(blob.digest);
    }
    match write(cache, &mark, &state.mark)? {
        Some(now) => {
            state.mark = now;
            Ok(Some(recorded))
        }
        None => Ok(None),
    }
}

/// Returns the error for another pruning that has changed the record.
pub(super) fn another() -> Error {
    Error::conflict("another pruning runs at the same time").with_hint("run the command again when it has ended")
}

/// Returns whether the record is as it was when it was last read or written.
///
/// # Errors
/// If the store refuses or fails.
pub(super) fn is_unchanged(cache: &S3Cache, state: &State) -> Result<bool> {
    let head = || cache.store.head(&cache.keys.own(MARK));
    Ok(Before::of(persist(&cache.context, Error::is_transient, head)?) == state.mark)
}

/// Writes the record, or removes an empty one, if it is still as `before`. Returns what it is then.
fn write(cache: &S3Cache, mark: &Mark, before: &Before) -> Result<Option<Before>> {
    let (store, key) = (&cache.store, cache.keys.own(MARK));
    if mark.is_empty() {
        if *before == Before::Absent {
            return Ok(Some(Before::Absent));
        }
        let removal = remove_object(cache, &key, |meta| Before::of(Some(meta.clone())) == *before)?;
        return Ok((removal == Removal::Done).then_some(Before::Absent));
    }
    let mode = match before.condition().filter(|_| store.honours_conditions()) {
        Some(mode) => mode,
        None if Before::of(store.head(&key)?) != *before => return Ok(None),
        None => PutMode::Overwrite,
    };
    let payload = BytesPayload::new(mark.print());
    match persist(&cache.context, is_transient_or_damaged_once(), || store.put(&key, &payload, &mode)) {
        Ok(Some(version)) => Ok(Some(Before::Present(Some(version)))),
        Ok(None) => Ok(Some(Before::of(store.head(&key)?))),
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => Ok(None),
        Err(error) => Err(error),
    }
}
