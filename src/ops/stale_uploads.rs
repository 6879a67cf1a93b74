//! Unfinished multipart uploads that a killed run left behind.

use std::time::Duration;

use crate::base::{Error, ErrorKind, Result};
use crate::object::{ObjectStore as _, UnfinishedUpload};
use crate::ops::cache::S3Cache;
use crate::ops::persist::persist;

/// An export aborts uploads that began longer ago than this.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// The uploads to abort.
pub(in crate::ops) type StaleUploads = Vec<UnfinishedUpload>;

/// Returns the uploads of blobs that began longer ago than this. A store that cannot list them has none. Warns if it
/// refuses to.
///
/// # Errors
/// If the store fails.
pub(super) fn stale_uploads(cache: &S3Cache, age: Duration) -> Result<StaleUploads> {
    let list = || cache.store.uploads(cache.keys.blobs()).collect::<Result<Vec<_>>>();
    match persist(&cache.context, Error::is_transient, list) {
        Ok(mut uploads) => {
            uploads.retain(|upload| upload.age.is_some_and(|begun| begun >= age));
            Ok(uploads)
        }
        Err(error) if error.is_transient() || matches!(error, Error::Cancelled) => Err(error),
        Err(error) => {
            let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            let message = format!("cannot list unfinished uploads, so none are aborted: {}{hint}", error.chain());
            match error.kind() {
                ErrorKind::Unsupported => log::info!("{message}"),
                _ => cache.context.warn(&message),
            }
            Ok(Vec::new())
        }
    }
}

/// Aborts the uploads. Returns how many. Warns about those that cannot be aborted.
///
/// # Errors
/// If the operation was cancelled.
pub(super) fn abort(cache: &S3Cache, uploads: &[UnfinishedUpload]) -> Result<usize> {
    let (mut aborted, mut warnings) = (0, Vec::new());
    for upload in uploads {
        cache.context.cancel.check()?;
        match persist(&cache.context, Error::is_transient, || cache.store.abort_upload(upload)) {
            Ok(()) => aborted += 1,
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => {
                let location = cache.store.location(&upload.key);
                warnings.push(format!("cannot abort an unfinished upload of {location}: {}", error.chain()));
            }
        }
    }
    cache.context.warn_all(warnings, "unfinished uploads cannot be aborted");
    Ok(aborted)
}

/// Aborts uploads of blobs that began more than a day ago, of those on the first page. To be called by an export that has
/// itself uploaded a blob in parts, so that it costs little in comparison. A failure does not concern the export.
///
/// # Errors
/// If the operation was cancelled.
pub(super) fn abort_abandoned(cache: &S3Cache) -> Result<()> {
    let mut uploads = match cache.store.list_uploads_page(cache.keys.blobs(), None) {
        Ok(page) => page.uploads,
        Err(Error::Cancelled) => return Err(Error::Cancelled),
        Err(error) => {
            log::info!("abandoned uploads are not aborted: {}", error.chain());
            return Ok(());
        }
    };
    uploads.retain(|upload| upload.age.is_some_and(|age| age > ABANDONED));
    for upload in &uploads {
        match cache.store.abort_upload(upload) {
            Ok(()) => log::info!("aborted an abandoned upload of {}", cache.store.location(&upload.key)),
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(error) => {
                log::info!("abandoned uploads are not aborted: {}", error.chain());
                break;
            }
        }
    }
    Ok(())
}
