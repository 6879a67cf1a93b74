//! Deletes an object right after a look at it, so that no other writer loses what it has just written or refreshed.

use std::time::Duration;

use crate::base::{Error, ErrorKind, Result};
use crate::object::{ObjectMeta, ObjectStore as _, Version};
use crate::ops::cache::S3Cache;
use crate::ops::persist::{PAUSES, persist};

/// A deletion is sent within this time after the object was looked at, or not at all.
const FRESH: Duration = Duration::from_secs(1);
/// How often an object is looked at if the answers take too long.
const MOST_LOOKS: usize = 5;

/// What became of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    Done,
    /// It did not exist.
    Absent,
    /// It has changed, so it was left as it is.
    Changed,
    /// The store answers too slowly to delete it safely.
    TooSlow,
}

/// Returns whether an object is still as it was listed. A HEAD may report whole seconds where a listing reports
/// fractions.
pub(super) fn is_as_listed(meta: &ObjectMeta, listed: &ObjectMeta) -> bool {
    meta.version == listed.version && meta.modified_second() <= listed.modified_second()
}

/// Returns the warning about a manifest whose removal was [too slow](Removal::TooSlow).
pub(super) fn too_slow(name: &str) -> String {
    format!("the store answers too slowly to remove the manifest {name} safely")
}

/// Deletes an object if `may_go` accepts its present metadata. The deletion is sent at most a second after the object
/// was looked at. It is never repeated without another look, and is conditional where the store is known to honour
/// conditions.
///
/// # Errors
/// If the store refuses or fails.
pub(super) fn remove_object(cache: &S3Cache, key: &str, may_go: impl Fn(&ObjectMeta) -> bool) -> Result<Removal> {
    let (store, context) = (&cache.store, &cache.context);
    let (mut pauses, mut looks, mut conditional, mut tried) = (PAUSES.iter(), 0, store.honours_conditions(), false);
    loop {
        context.cancel.check()?;
        let begun = context.clock.monotonic();
        let Some(meta) = persist(context, Error::is_transient, || store.head(key))? else {
            // An earlier deletion, whose answer was lost, may have removed it.
            return Ok(if tried { Removal::Done } else { Removal::Absent });
        };
        if !may_go(&meta) {
            return Ok(Removal::Changed);
        }
        if context.clock.monotonic().saturating_sub(begun) > FRESH {
            looks += 1;
            if looks == MOST_LOOKS {
                return Ok(Removal::TooSlow);
            }
            continue;
        }
        let version = meta.version.as_ref().filter(|version| conditional && Version::is_strong(version));
        match store.delete_once(key, version) {
            Ok(()) => return Ok(Removal::Done),
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => return Ok(Removal::Changed),
            Err(error) if error.kind() == ErrorKind::Unsupported && version.is_some() => conditional = false,
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            // Any error may be due to something that the look has changed since, such as expired credentials.
            Err(error) if error.is_transient() || !tried => {
                let Some(pause) = pauses.next() else { return Err(error) };
                tried = true;
                log::info!("{error}; looking at the object again in {} s", pause.as_secs_f32());
                context.clock.sleep(*pause, &context.cancel);
            }
            Err(error) => return Err(error),
        }
    }
}
