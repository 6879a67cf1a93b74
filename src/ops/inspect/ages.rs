//! A histogram of the ages of blobs.

use std::time::Duration;

use crate::ops::survey::{BlobSum, Owner};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
/// The upper bounds of the bands, in seconds. The last band has none.
const BOUNDS: [u64; 7] = [HOUR, DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY];

/// The blobs whose age is within a range. The age counts from when a blob was last uploaded or touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgeBand {
    /// The band's blobs are younger than this. `None` if the band has no limit.
    pub below: Option<Duration>,
    /// The blobs that one manifest references.
    pub own: BlobSum,
    /// The blobs that several manifests reference.
    pub shared: BlobSum,
    /// The blobs that no manifest references.
    pub unreferenced: BlobSum,
}

/// Returns all bands, youngest first, without blobs.
pub(super) fn bands() -> Vec<AgeBand> {
    let below = BOUNDS.iter().map(|seconds| Some(Duration::from_secs(*seconds))).chain([None]);
    below.map(|below| AgeBand { below, ..AgeBand::default() }).collect()
}

/// Adds a blob to its band.
pub(super) fn add(bands: &mut [AgeBand], age: Duration, owner: Owner, bytes: u64) {
    let Some(band) = bands.iter_mut().find(|band| band.below.is_none_or(|below| age < below)) else { return };
    match owner {
        Owner::One(_) => band.own.add(bytes),
        Owner::Several => band.shared.add(bytes),
        Owner::Nobody => band.unreferenced.add(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_age_has_one_band() {
        let mut bands = bands();
        for (seconds, owner) in
            [(0, Owner::One(1)), (HOUR, Owner::Several), (DAY - 1, Owner::Nobody), (1000 * DAY, Owner::One(2))]
        {
            add(&mut bands, Duration::from_secs(seconds), owner, 10);
        }
        let counts: Vec<_> =
            bands.iter().map(|band| (band.own.blobs, band.shared.blobs, band.unreferenced.blobs)).collect();
        let none = (0, 0, 0);
        assert_eq!(counts, [(1, 0, 0), (0, 1, 1), none, none, none, none, none, (1, 0, 0)]);
    }
}
