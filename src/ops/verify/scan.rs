//! Reads the manifests and compares them with the blobs of the bucket.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::base::{Digest, Error, Result, count, log_blob, log_manifest, logs_blobs, sort};
use crate::bucket::StoredBlob;
use crate::object::{ObjectMeta, ObjectStore as _, Version};
use crate::ops::cache::S3Cache;
use crate::ops::manifests::Found;
use crate::ops::presence;
use crate::ops::rounds::run_each;
use crate::ops::survey::{ListedManifest, Reading, StoredBlobs, list_blobs, read_manifests};
use crate::ops::verify::finding::{Defect, Finding};
use crate::ops::verify::verification::Affected;

/// What is wrong with a blob of this size, and which manifests reference it, by position.
struct Blame {
    defect: Defect,
    size: u64,
    manifests: Vec<usize>,
}

/// The manifests, the blobs they reference, and what is wrong.
pub(super) struct Scan<'a> {
    pub(super) cache: &'a S3Cache,
    listed: Vec<ListedManifest>,
    /// The names of the manifests. Findings share them.
    names: Vec<Arc<str>>,
    pub(super) stored: StoredBlobs,
    seen: Seen,
}

/// What was found in the manifests.
#[derive(Default)]
struct Seen {
    /// Whether a manifest references a blob, by the blob's position.
    referenced: Vec<bool>,
    /// Blobs that were written after they were listed.
    late: HashMap<Digest, StoredBlob>,
    blames: HashMap<Digest, Blame>,
    unreadable: Vec<(usize, Error)>,
    /// The versions of the manifests that were read.
    versions: HashMap<usize, Option<Version>>,
}

impl<'a> Scan<'a> {
    /// Reads the manifests. Looks only for their own blobs if there are `few`; otherwise lists all blobs.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub(super) fn of(cache: &'a S3Cache, listed: Vec<ListedManifest>, few: bool) -> Result<Self> {
        let stored = if few { blobs_of(cache, &listed)? } else { list_blobs(cache)? };
        let mut seen = Seen { referenced: vec![false; stored.table.len()], ..Seen::default() };
        read_manifests(cache, &listed, Some(&stored), &mut |at, reading| {
            match reading {
                Reading::Config { found, late } => seen.add(&stored, at, &found, late),
                Reading::Gone => {}
                Reading::Unreadable(error) => seen.unreadable.push((at, error)),
            }
            Ok(())
        })?;
        let names = listed.iter().map(|listed| Arc::from(listed.name.as_str())).collect();
        Ok(Self { cache, listed, names, stored, seen })
    }

    /// Forgives archived blobs that were restored, which listings do not show.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub(super) fn check_archived(&mut self) -> Result<()> {
        let is_archived =
            |(digest, blame): (&Digest, &Blame)| matches!(blame.defect, Defect::Archived).then_some(*digest);
        let archived: Vec<Digest> = self.seen.blames.iter().filter_map(is_archived).collect();
        let head = |digest| Ok((digest, self.cache.store.head(&self.cache.keys.blob(&digest))?));
        for (digest, meta) in run_each(self.cache, archived, head)? {
            match meta {
                Some(meta) if meta.readable => drop(self.seen.blames.remove(&digest)),
                Some(_) => {}
                None => self.blame(digest, Defect::Missing),
            }
        }
        Ok(())
    }

    /// Returns the blobs that are referenced and not known to be lost.
    pub(super) fn readable(&self) -> impl Iterator<Item = StoredBlob> {
        let listed =
            self.stored.table.iter().zip(&self.seen.referenced).filter(|(_, used)| **used).map(|(blob, _)| blob);
        let all = listed.chain(self.seen.late.values().copied());
        all.filter(|blob| !self.seen.blames.contains_key(&blob.digest))
    }

    /// Records what is wrong with a blob. The manifests that reference it are kept.
    pub(super) fn blame(&mut self, digest: Digest, defect: Defect) {
        let blob = self.stored.get(&digest).or_else(|| self.seen.late.get(&digest).copied());
        let new = || Blame { defect: Defect::Missing, size: blob.map_or(0, |blob| blob.size), manifests: Vec::new() };
        self.seen.blames.entry(digest).or_insert_with(new).defect = defect;
    }

    /// Logs the state of each manifest and blob. `deep` means that the digests were checked.
    pub(super) fn log(&self, deep: bool) {
        if !logs_blobs() {
            return;
        }
        let Seen { blames, unreadable, versions, .. } = &self.seen;
        for (_, name) in self.names.iter().enumerate().filter(|(at, _)| versions.contains_key(at)) {
            log_manifest(name, "valid", "it was read and checked");
        }
        for (at, error) in unreadable {
            log_manifest(&self.name(*at).unwrap_or_default(), "unreadable", &error.chain());
        }
        let (what, why) =
            if deep { ("intact", "its bytes match its digest") } else { ("present", "with the right size") };
        self.readable().for_each(|blob| log_blob(&blob.digest, blob.size, what, why, None));
        for (digest, blame) in blames {
            let why = format!("referenced by {}", count(blame.manifests.len(), "manifest", "manifests"));
            log_blob(digest, blame.size, blame.defect.as_str(), &why, None);
        }
    }

    /// Finds out which manifests reference these blobs.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub(super) fn attribute(&mut self, blobs: &HashSet<Digest>) -> Result<()> {
        if blobs.is_empty() {
            return Ok(());
        }
        let Self { cache, listed, seen, .. } = self;
        read_manifests(cache, listed, None, &mut |at, reading| {
            // A manifest that changed meanwhile is not repaired, and its blobs were not checked.
            if let Reading::Config { found, .. } = reading
                && seen.versions.get(&at) == Some(&found.version)
            {
                for (digest, _) in found.config.blobs().into_iter().filter(|(digest, _)| blobs.contains(digest)) {
                    seen.blames.entry(digest).and_modify(|blame| blame.manifests.push(at));
                }
            }
            Ok(())
        })
    }

    pub(super) fn manifests(&self) -> usize {
        self.seen.versions.len()
    }

    /// Returns the number of blobs that the manifests reference.
    pub(super) fn blobs(&self) -> u64 {
        let listed = self.seen.referenced.iter().filter(|used| **used).count();
        let absent = |digest: &&Digest| self.stored.get(digest).is_none() && !self.seen.late.contains_key(digest);
        (listed + self.seen.late.len() + self.seen.blames.keys().filter(absent).count()) as u64
    }

    /// Returns what is wrong. The blobs are taken, because there may be many.
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        let (mut unreadable, blames) =
            (std::mem::take(&mut self.seen.unreadable), std::mem::take(&mut self.seen.blames));
        sort::sort_by_key(&mut unreadable, |(at, _)| *at);
        let manifest = |(at, error)| Some(Finding::manifest(self.name(at)?, Defect::UnreadableManifest(error)));
        let mut findings: Vec<Finding> = unreadable.into_iter().filter_map(manifest).collect();
        findings.extend(blames.into_iter().map(|(digest, blame)| {
            let mut names: Vec<Arc<str>> = blame.manifests.iter().filter_map(|at| self.name(*at)).collect();
            sort::sort(&mut names);
            Finding::blob(digest, blame.defect, names)
        }));
        sort::sort_by_key(&mut findings, |finding| finding.blob);
        findings
    }

    /// Returns the manifests that reference lost blobs.
    pub(super) fn affected(&self) -> Vec<Affected> {
        let mut lost: Vec<HashSet<Digest>> = vec![HashSet::new(); self.listed.len()];
        for (digest, blame) in self.seen.blames.iter().filter(|(_, blame)| blame.defect.is_lost()) {
            for at in &blame.manifests {
                if let Some(lost) = lost.get_mut(*at) {
                    lost.insert(*digest);
                }
            }
        }
        let affected = lost.into_iter().enumerate().filter(|(_, lost)| !lost.is_empty()).filter_map(|(at, lost)| {
            Some(Affected { name: self.name(at)?.to_string(), version: self.seen.versions.get(&at)?.clone(), lost })
        });
        affected.collect()
    }

    fn name(&self, at: usize) -> Option<Arc<str>> {
        self.names.get(at).cloned()
    }
}

impl Seen {
    /// Compares a manifest with the blobs of the bucket.
    fn add(&mut self, stored: &StoredBlobs, at: usize, found: &Found, late: Vec<StoredBlob>) {
        self.versions.insert(at, found.version.clone());
        self.late.extend(late.into_iter().map(|blob| (blob.digest, blob)));
        for (digest, expected) in found.config.blobs() {
            let place = stored.table.position(&digest);
            if let Some(referenced) = place.and_then(|place| self.referenced.get_mut(place)) {
                *referenced = true;
            }
            let blob = place.and_then(|place| stored.table.get(place)).or_else(|| self.late.get(&digest).copied());
            let defect = match blob {
                None => Defect::Missing,
                Some(blob) if blob.size != expected => Defect::WrongSize { expected, stored: blob.size },
                Some(blob) if !blob.readable => Defect::Archived,
                Some(_) => continue,
            };
            let new = || Blame { defect, size: expected, manifests: Vec::new() };
            self.blames.entry(digest).or_insert_with(new).manifests.push(at);
        }
    }
}

/// Returns the blobs of these manifests that the bucket has.
fn blobs_of(cache: &S3Cache, listed: &[ListedManifest]) -> Result<StoredBlobs> {
    let mut wanted = HashMap::new();
    read_manifests(cache, listed, None, &mut |_, reading| {
        if let Reading::Config { found, .. } = reading {
            wanted.extend(found.config.blobs());
        }
        Ok(())
    })?;
    let wanted: Vec<(Digest, u64)> = wanted.into_iter().collect();
    let mut blobs = StoredBlobs::default();
    let present: HashMap<Digest, ObjectMeta> =
        if wanted.is_empty() { HashMap::new() } else { presence::find(cache, &wanted)? };
    present.iter().for_each(|(digest, meta)| blobs.table.push(*digest, meta));
    blobs.table.sort();
    Ok(blobs)
}
