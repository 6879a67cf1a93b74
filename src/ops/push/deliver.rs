//! Sends blobs that were received, or are being received, to the store.

use std::iter;
use std::sync::Arc;

use crate::base::{Digest, Error, Result};
use crate::object::BlobSource;
use crate::ops::cache::S3Cache;
use crate::ops::export::{Job, Multipart, NextSend, Sender};
use crate::ops::persist::{is_transient_or_damaged_once, persist};
use crate::ops::push::incoming::Incoming;
use crate::ops::rounds::Tried;
use crate::transfer::{Next, Run};

/// Sends a blob while it is received. Returns once it is in the store.
///
/// # Errors
/// If the store refuses or fails, the client stops sending, or the digest is wrong. Then the blob is not in the store.
pub(super) fn deliver(cache: &S3Cache, incoming: &Arc<Incoming>) -> Result<()> {
    let waiting = incoming.clone();
    let _interrupt = cache.context.cancel.on_cancel(move || waiting.wake());
    let sender = Sender::new(cache, &**incoming);
    let job = Job::upload(incoming.digest, incoming.size, &cache.tuning);
    run_one(cache, job, |job, run| match job.parts {
        Some(parts) => {
            let check = Box::new(incoming.clone());
            Ok(Next::Split(Box::new(Multipart::checked_by(check, &sender, job, parts))))
        }
        None => put(&sender, &job, run),
    })
}

/// Sends a blob that the source has as a whole.
///
/// # Errors
/// If the store refuses or fails, or the source cannot be read.
pub(super) fn deliver_whole(cache: &S3Cache, source: &dyn BlobSource, digest: Digest, size: u64) -> Result<()> {
    let sender = Sender::new(cache, source);
    let job = Job::upload(digest, size, &cache.tuning);
    run_one(cache, job, |job, run| match job.parts {
        Some(parts) => Ok(Next::Split(Box::new(Multipart::new(&sender, job, parts)?))),
        None => put(&sender, &job, run),
    })
}

fn put<'a>(sender: &Sender<'a>, job: &Job, run: &Run<'_>) -> Result<NextSend<'a>> {
    persist(&sender.cache.context, is_transient_or_damaged_once(), || sender.put(job, run))?;
    Ok(sender.uploaded(job))
}

/// Runs one job to its end. It is not repeated as a whole: its bytes may be gone, and the client sends them again.
fn run_one<'w>(cache: &S3Cache, job: Job, start: impl Fn(Job, &Run<'_>) -> Result<NextSend<'w>> + Sync) -> Result<()> {
    let mut outcome = Err(Error::Cancelled);
    let done = |tried| {
        outcome = match tried {
            Tried::Done(()) => Ok(()),
            Tried::Failed(job) => Err(job.error),
            Tried::Untried(_) => Err(Error::Cancelled),
        };
    };
    cache.pool.run(iter::once(job), &cache.context.cancel, Job::splits, start, done)?;
    outcome
}
