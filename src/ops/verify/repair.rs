//! Rewrites manifests without what is lost, and deletes corrupt blobs.

use std::collections::{HashMap, HashSet};

use crate::base::{Digest, Error, ErrorKind, Result, count, log_blob, log_manifest, sort};
use crate::bucket::{Names, StoredBlob};
use crate::object::{ObjectMeta, ObjectStore as _};
use crate::ops::cache::S3Cache;
use crate::ops::manifests::{ManifestWriter, load_name};
use crate::ops::remove_object::{Removal, remove_object};
use crate::ops::rounds::run_each;
use crate::ops::survey::{Reading, list_manifests, read_manifests};
use crate::ops::verify::finding::{Defect, Finding};
use crate::ops::verify::hash::hash;
use crate::ops::verify::verification::{Affected, Verification};

/// What a repair would do.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RepairPlan {
    /// The steps, in this order.
    pub steps: Vec<RepairStep>,
    /// What no step repairs.
    pub remaining: Vec<Finding>,
    affected: Vec<Affected>,
    findings: Vec<Finding>,
}

/// A step of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RepairStep {
    /// The manifest is written again without what needs the lost blobs.
    Rewrite {
        /// The name of the manifest.
        name: String,
        /// The number of lost blobs.
        lost: usize,
    },
    /// The blob is deleted, so that the next export uploads it again. One of another size than a manifest says is only
    /// deleted if its bytes do not match its digest.
    Delete {
        /// The digest that the blob does not match.
        blob: Digest,
    },
}

impl Verification {
    /// Returns what a repair would do.
    pub fn plan(&self) -> RepairPlan {
        let rewrites = self
            .affected
            .iter()
            .map(|affected| RepairStep::Rewrite { name: affected.name.clone(), lost: affected.lost.len() });
        let may_be_corrupt =
            |finding: &&Finding| matches!(finding.defect, Defect::Corrupt { .. } | Defect::WrongSize { .. });
        let deletions = self.findings.iter().filter(may_be_corrupt).filter_map(|finding| finding.blob);
        let is_repaired = |finding: &&Finding| finding.blob.is_some() && finding.defect.is_lost();
        RepairPlan {
            steps: rewrites.chain(deletions.map(|blob| RepairStep::Delete { blob })).collect(),
            remaining: self.findings.iter().filter(|finding| !is_repaired(finding)).cloned().collect(),
            affected: self.affected.clone(),
            findings: self.findings.iter().filter(is_repaired).cloned().collect(),
        }
    }
}

impl S3Cache {
    /// Repairs what [`verify`](Self::verify) has found. Manifests that changed since, and blobs that a manifest still
    /// references, are left as they are. Calls `done` after each step. Returns what is still wrong.
    ///
    /// # Errors
    /// If the store refuses or fails. The steps before are done.
    pub fn repair(&self, plan: &RepairPlan, mut done: impl FnMut(&RepairStep)) -> Result<Vec<Finding>> {
        let mut remaining = plan.remaining.clone();
        let judged = self.judge(&plan.findings)?;
        let writer = ManifestWriter::new(self);
        // The blobs that manifests still reference.
        let mut kept: HashSet<Digest> = HashSet::new();
        for affected in &plan.affected {
            self.context.cancel.check()?;
            match self.rewrite(&writer, affected, &judged)? {
                Rewritten::Done(0) => {}
                Rewritten::Done(lost) => {
                    let lost_blobs = count(lost, "blob is", "blobs are");
                    log_manifest(&affected.name, "rewritten", &format!("{lost_blobs} lost"));
                    done(&RepairStep::Rewrite { name: affected.name.clone(), lost });
                }
                Rewritten::Changed => {
                    let name = &affected.name;
                    self.context
                        .warn(&format!("the manifest {name} has changed since it was checked: run verify again"));
                    kept.extend(&affected.lost);
                }
            }
        }
        let unknown = judged.iter().filter(|(_, judged)| matches!(judged, Judged::Unknown)).map(|(digest, _)| *digest);
        kept.extend(unknown);
        let corrupt: HashSet<Digest> =
            judged.iter().filter(|(_, judged)| judged.is_corrupt()).map(|(digest, _)| *digest).collect();
        kept.extend(self.still_referenced(&corrupt)?);
        for blob in sort::distinct(corrupt.difference(&kept).copied()) {
            self.context.cancel.check()?;
            if self.delete_corrupt(&blob, judged.get(&blob))? {
                done(&RepairStep::Delete { blob });
            } else {
                kept.insert(blob);
            }
        }
        remaining.extend(plan.findings.iter().filter(|one| one.blob.is_some_and(|blob| kept.contains(&blob))).cloned());
        Ok(remaining)
    }

    /// Finds out which blobs are lost at this moment.
    fn judge(&self, findings: &[Finding]) -> Result<HashMap<Digest, Judged>> {
        let known: HashMap<Digest, &Defect> =
            findings.iter().filter_map(|finding| Some((finding.blob?, &finding.defect))).collect();
        let head = |digest| Ok((digest, self.store.head(&self.keys.blob(&digest))?));
        let (mut judged, mut doubtful) = (HashMap::new(), Vec::new());
        for (digest, meta) in run_each(self, known.keys().copied().collect::<Vec<_>>(), head)? {
            match (known.get(&digest), meta) {
                (_, None) => drop(judged.insert(digest, Judged::Missing)),
                (Some(Defect::Corrupt { version }), Some(meta)) if version.is_some() && *version == meta.version => {
                    judged.insert(digest, Judged::Corrupt(meta));
                }
                (_, Some(meta)) => doubtful.push((digest, meta)),
            }
        }
        // It was uploaded since, or the manifest may be wrong about its size.
        let blobs: Vec<StoredBlob> = doubtful.iter().map(|(digest, meta)| StoredBlob::new(*digest, meta)).collect();
        let (defects, _) = hash(self, blobs.into_iter(), || ())?;
        for (digest, meta) in doubtful {
            judged.insert(
                digest,
                match defects.get(&digest) {
                    None => Judged::Intact(meta.size),
                    Some(Defect::Corrupt { .. }) => Judged::Corrupt(meta),
                    Some(Defect::Missing) => Judged::Missing,
                    Some(_) => Judged::Unknown,
                },
            );
        }
        Ok(judged)
    }

    /// Writes a manifest again without what is lost.
    fn rewrite(
        &self,
        writer: &ManifestWriter<'_>,
        affected: &Affected,
        judged: &HashMap<Digest, Judged>,
    ) -> Result<Rewritten> {
        let found = match load_name(self, affected.name.clone()) {
            Ok(Some(found)) if found.version == affected.version => found,
            Ok(_) | Err(Error::Integrity(_)) => return Ok(Rewritten::Changed),
            Err(error) => return Err(error),
        };
        let is_lost = |(digest, size): (Digest, u64)| {
            let lost =
                affected.lost.contains(&digest) && judged.get(&digest).is_some_and(|judged| judged.is_lost(size));
            lost.then_some(digest)
        };
        let mut lost: HashSet<Digest> = found.config.blobs().into_iter().filter_map(is_lost).collect();
        // An export may have uploaded them again meanwhile, and written the same manifest.
        let missing = lost.iter().filter(|digest| matches!(judged.get(digest), Some(Judged::Missing))).copied();
        let head = |digest| Ok(self.store.head(&self.keys.blob(&digest))?.map(|_| digest));
        for digest in run_each(self, missing.collect::<Vec<_>>(), head)?.into_iter().flatten() {
            lost.remove(&digest);
        }
        if lost.is_empty() {
            return Ok(Rewritten::Done(0));
        }
        Ok(if writer.put_without(found, &lost)? { Rewritten::Done(lost.len()) } else { Rewritten::Changed })
    }

    /// Returns which of these blobs a manifest of the bucket references.
    ///
    /// # Errors
    /// If the store refuses or fails, also for a single manifest.
    fn still_referenced(&self, blobs: &HashSet<Digest>) -> Result<HashSet<Digest>> {
        let mut referenced = HashSet::new();
        if blobs.is_empty() {
            return Ok(referenced);
        }
        let manifests = list_manifests(self, &Names::all())?;
        read_manifests(self, &manifests, None, &mut |_, reading| {
            match reading {
                Reading::Config { found, .. } => {
                    let all = found.config.blobs().into_iter().map(|(digest, _)| digest);
                    referenced.extend(all.filter(|digest| blobs.contains(digest)));
                }
                // What it references is unknown. An invalid one references nothing.
                Reading::Unreadable(error) if error.kind() != ErrorKind::Integrity => return Err(error),
                Reading::Unreadable(_) | Reading::Gone => {}
            }
            Ok(())
        })?;
        if !referenced.is_empty() {
            self.context.warn(&format!(
                "{} not deleted, because of references in manifests that were not rewritten: run verify without name=",
                count(referenced.len(), "corrupt blob is", "corrupt blobs are")
            ));
        }
        Ok(referenced)
    }

    /// Deletes a corrupt blob. Returns false if it has changed since it was read.
    fn delete_corrupt(&self, blob: &Digest, judged: Option<&Judged>) -> Result<bool> {
        let (key, Some(Judged::Corrupt(known))) = (self.keys.blob(blob), judged) else { return Ok(false) };
        let is_unchanged = |meta: &ObjectMeta| {
            meta.size == known.size && meta.version == known.version && meta.last_modified == known.last_modified
        };
        let removal = remove_object(self, &key, is_unchanged)?;
        if removal == Removal::TooSlow {
            self.context.warn(&format!("the store answers too slowly to delete the corrupt blob {blob} safely"));
        }
        if removal == Removal::Done {
            log_blob(blob, known.size, "deleted", "its bytes do not match its digest", None);
        }
        Ok(matches!(removal, Removal::Done | Removal::Absent))
    }
}

/// The state of a blob at the time of the repair.
enum Judged {
    Missing,
    Corrupt(ObjectMeta),
    /// Its bytes match its digest. It has this size.
    Intact(u64),
    /// It cannot be read.
    Unknown,
}

/// The result of rewriting a manifest.
enum Rewritten {
    /// It was written without this many blobs. Zero if nothing is lost any more.
    Done(usize),
    /// Another writer came between.
    Changed,
}

impl Judged {
    fn is_corrupt(&self) -> bool {
        matches!(self, Self::Corrupt(_))
    }

    /// Returns whether a manifest cannot use the blob, which has this size in the manifest.
    fn is_lost(&self, size: u64) -> bool {
        match self {
            Self::Missing | Self::Corrupt(_) => true,
            Self::Intact(stored) => *stored != size,
            Self::Unknown => false,
        }
    }
}
