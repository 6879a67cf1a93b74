//! Adds up which manifests use which blobs.

use std::collections::HashMap;

use crate::base::Digest;
use crate::bucket::StoredBlob;
use crate::cache_config::CacheConfig;
use crate::ops::survey::stored::StoredBlobs;
use crate::ops::survey::sum::BlobSum;

/// Who uses a blob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ops) enum Owner {
    #[default]
    Nobody,
    /// Only the manifest at this position.
    One(u32),
    Several,
}

/// What a manifest uses. Each blob counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ops) struct ManifestUse {
    pub(in crate::ops) layers: usize,
    pub(in crate::ops) records: usize,
    /// The blobs that the bucket has.
    pub(in crate::ops) stored: BlobSum,
    /// Those of them that no other manifest uses.
    pub(in crate::ops) own: BlobSum,
    /// The blobs that the bucket lacks, with the sizes in the manifest.
    pub(in crate::ops) missing: BlobSum,
    /// The blobs that are archived or have another size than the manifest says.
    pub(in crate::ops) unusable: u64,
}

/// Which manifests use which blobs.
pub(in crate::ops) struct Usage {
    /// The owner of each blob, by its position in the table.
    owners: Vec<Owner>,
    /// Blobs that were written after they were listed.
    late: HashMap<Digest, (StoredBlob, Owner)>,
    /// What each manifest uses, by its position.
    manifests: Vec<Option<ManifestUse>>,
}

impl Usage {
    /// Returns the usage of blobs that none of this many manifests uses yet.
    pub(in crate::ops) fn new(blobs: &StoredBlobs, manifests: usize) -> Self {
        Self { owners: vec![Owner::Nobody; blobs.table.len()], late: HashMap::new(), manifests: vec![None; manifests] }
    }

    /// Adds the manifest at this position. `late` are blobs of it that `blobs` lacks.
    pub(in crate::ops) fn add(&mut self, blobs: &StoredBlobs, at: usize, config: &CacheConfig, late: Vec<StoredBlob>) {
        for blob in late {
            self.late.entry(blob.digest).or_insert((blob, Owner::Nobody));
        }
        let mut used =
            ManifestUse { layers: config.layers().len(), records: config.records().len(), ..ManifestUse::default() };
        for (digest, size) in config.blobs() {
            let place = blobs.table.position(&digest);
            let stored = place.and_then(|place| Some((blobs.table.get(place)?, self.owners.get_mut(place)?)));
            let stored = stored.or_else(|| self.late.get_mut(&digest).map(|(blob, owner)| (*blob, owner)));
            let Some((blob, owner)) = stored else {
                used.missing.add(size);
                continue;
            };
            used.stored.add(blob.size);
            used.unusable += u64::from(blob.size != size || !blob.readable);
            match *owner {
                Owner::Nobody => {
                    *owner = Owner::One(u32::try_from(at).unwrap_or(u32::MAX));
                    used.own.add(blob.size);
                }
                Owner::One(other) => {
                    *owner = Owner::Several;
                    if let Some(Some(other)) = self.manifests.get_mut(other as usize) {
                        other.own.remove(blob.size);
                    }
                }
                Owner::Several => {}
            }
        }
        if let Some(manifest) = self.manifests.get_mut(at) {
            *manifest = Some(used);
        }
    }

    /// Returns what the manifest at this position uses, or `None` if it was not added.
    pub(in crate::ops) fn manifest(&self, at: usize) -> Option<ManifestUse> {
        self.manifests.get(at).copied().flatten()
    }

    /// Returns all blobs with their owners.
    pub(in crate::ops) fn blobs<'a>(&'a self, blobs: &'a StoredBlobs) -> impl Iterator<Item = (StoredBlob, Owner)> {
        blobs.table.iter().zip(self.owners.iter().copied()).chain(self.late.values().copied())
    }
}
