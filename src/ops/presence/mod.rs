//! Finds out which blobs a store already has, with as few requests as possible.

mod coverage;

use std::collections::{HashMap, HashSet};

use crate::base::{Digest, Error, ErrorKind, Result, sort};
use crate::object::{ListOptions, ListPage, ObjectMeta, ObjectStore};
use crate::ops::cache::S3Cache;
use crate::ops::presence::coverage::{Coverage, LookUp, Page};
use crate::ops::rounds::run_each;
use crate::transfer::Run;

/// For up to this many blobs, only the first is listed, which also checks the bucket. The others are checked one by
/// one.
const FEW: usize = 4;

/// Returns the metadata of those `blobs` that the store has.
///
/// # Errors
/// If the bucket is missing, or the store refuses or fails.
pub(super) fn find(cache: &S3Cache, blobs: &[(Digest, u64)]) -> Result<HashMap<Digest, ObjectMeta>> {
    Ok(search(cache, blobs, false)?.found)
}

/// What is known about blobs.
#[derive(Default)]
pub(super) struct Presence {
    /// The metadata of those that the store has.
    pub(super) found: HashMap<Digest, ObjectMeta>,
    /// Those that the store refused to look up.
    pub(super) refused: Vec<(Digest, Error)>,
}

/// Looks up `blobs` for a client that waits: in few round trips rather than at a low price. The store may refuse to look
/// up single ones.
///
/// # Errors
/// If the bucket is missing, or the store fails.
pub(super) fn find_each(cache: &S3Cache, blobs: &[(Digest, u64)]) -> Result<Presence> {
    search(cache, blobs, true)
}

/// Returns those of `blobs` that the store lacks, or has with another size.
///
/// # Errors
/// As [`find`].
pub(super) fn missing(cache: &S3Cache, blobs: &[(Digest, u64)]) -> Result<Vec<(Digest, u64)>> {
    let present = find(cache, blobs)?;
    let is_missing = |(digest, size): &&(Digest, u64)| present.get(digest).is_none_or(|meta| meta.size != *size);
    Ok(blobs.iter().filter(is_missing).copied().collect())
}

fn search(cache: &S3Cache, blobs: &[(Digest, u64)], continues: bool) -> Result<Presence> {
    let Some((first, _)) = blobs.first() else {
        cache.store.probe().or_else(do_without)?;
        return Ok(Presence::default());
    };
    let (few, in_order) = (blobs.len() <= FEW, cache.store.lists_in_order());
    let mut search = Search {
        cache,
        blobs,
        wanted: blobs.iter().map(|(digest, _)| *digest).collect(),
        found: HashMap::with_capacity(blobs.len()),
        coverage: if continues { Coverage::hurried() } else { Coverage::default() },
        continues,
    };
    let prefix = if few { cache.keys.blob(first) } else { cache.keys.blobs().to_owned() };
    let mut first_known = false;
    let page = match few && !in_order {
        // The listing would contain all blobs, and its first page may lack this one.
        true => cache.store.probe().map(|()| ListPage { incomplete: true, ..ListPage::default() }),
        false => cache.store.list_page(&prefix, &ListOptions::default()),
    };
    match page {
        Ok(page) => {
            first_known = few && page.continuation.is_none() && !page.incomplete;
            let told = Page::of(None, &page, in_order);
            search.take(page);
            if !few {
                search.coverage.add(vec![told]);
                search.list_more()?;
            }
        }
        Err(error) => {
            // In a directory bucket, there is one permission for all operations.
            let may_be_listing = in_order && error.kind() == ErrorKind::Access;
            let error = if may_be_listing { cache.store.probe() } else { Err(error) };
            error.or_else(do_without)?;
        }
    }
    search.look_up(first_known.then_some(first))
}

/// A search for blobs in the bucket.
struct Search<'a> {
    cache: &'a S3Cache,
    blobs: &'a [(Digest, u64)],
    wanted: HashSet<Digest>,
    found: HashMap<Digest, ObjectMeta>,
    coverage: Coverage,
    /// Whether to continue when the store refuses to look up a blob.
    continues: bool,
}

impl Search<'_> {
    /// Takes the wanted blobs from a page.
    fn take(&mut self, page: ListPage) {
        let found = wanted(self.cache, &self.wanted, page);
        self.found.extend(found);
    }

    /// Lists more pages as long as that is better than looking up single blobs. A page that fails only costs look-ups.
    fn list_more(&mut self) -> Result<()> {
        let S3Cache { store, keys, pool, context, .. } = self.cache;
        loop {
            let keys_of_wanted = self.wanted.iter().map(|digest| keys.blob(digest));
            let mut unknown: Vec<String> = keys_of_wanted.filter(|key| !self.coverage.covers(key)).collect();
            sort::sort(&mut unknown);
            let LookUp::Pages(starts) = self.coverage.next(&unknown) else { return Ok(()) };
            let list = |start: String, _: &Run<'_>| {
                let page = store.list_page(keys.blobs(), &ListOptions::default().start_after(&start));
                let told =
                    |page: ListPage| (Page::of(Some(start), &page, true), wanted(self.cache, &self.wanted, page));
                match page.map(told) {
                    Err(Error::Cancelled) => Err(Error::Cancelled),
                    page => Ok(page),
                }
            };
            let (mut pages, mut failed) = (Vec::new(), false);
            for answer in pool.map(starts, &context.cancel, list)? {
                match answer {
                    Ok((page, found)) => {
                        pages.push(page);
                        self.found.extend(found);
                    }
                    Err(error) => {
                        log::info!("a page cannot be listed, checking its blobs one by one: {error}");
                        failed = true;
                    }
                }
            }
            self.coverage.add(pages);
            if failed {
                return Ok(());
            }
        }
    }

    /// Looks up the blobs that no page shows, apart from `known`, one by one.
    fn look_up(mut self, known: Option<&Digest>) -> Result<Presence> {
        let unknown = self.blobs.iter().map(|(digest, _)| *digest).filter(|digest| match self.found.get(digest) {
            // An archived object may have been restored, which listings do not show.
            Some(meta) => !meta.readable,
            None => known != Some(digest) && !self.coverage.covers(&self.cache.keys.blob(digest)),
        });
        let unknown: Vec<Digest> = unknown.collect();
        let head = |digest| match self.cache.store.head(&self.cache.keys.blob(&digest)) {
            Err(error) if !self.continues || error.is_transient() || matches!(error, Error::Cancelled) => Err(error),
            answer => Ok((digest, answer)),
        };
        let mut refused = Vec::new();
        for (digest, answer) in run_each(self.cache, unknown, head)? {
            match answer {
                Ok(Some(meta)) => drop(self.found.insert(digest, meta)),
                Ok(None) => drop(self.found.remove(&digest)),
                Err(error) => refused.push((digest, error)),
            }
        }
        Ok(Presence { found: self.found, refused })
    }
}

/// Returns the wanted blobs on a page, with their metadata.
fn wanted(cache: &S3Cache, wanted: &HashSet<Digest>, page: ListPage) -> Vec<(Digest, ObjectMeta)> {
    let objects = page.objects.into_iter();
    let blobs = objects.filter_map(|object| Some((cache.keys.digest(&object.key)?, object.meta)));
    blobs.filter(|(digest, _)| wanted.contains(digest)).collect()
}

/// Continues after a failed listing: each blob is checked individually instead.
///
/// # Errors
/// If the failure is not specific to listings: access denied, no bucket, an unreachable server, or a web page with a
/// success status, which must not receive any blobs.
fn do_without(error: Error) -> Result<()> {
    if !error.may_concern_operation() {
        return Err(error);
    }
    log::info!("the bucket cannot be listed, checking each blob instead: {error}");
    Ok(())
}
