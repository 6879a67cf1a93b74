//! The facts about a blob that all of its layers must agree on: its size and its diffID.

use std::collections::HashMap;

use crate::base::Digest;
use crate::cache_config::model::{Annotations, Layer};

/// The facts about each blob, with where they were first stated.
pub(super) struct BlobFacts<'a, W> {
    first: HashMap<Digest, (W, &'a Annotations)>,
}

impl<'a, W: Copy> BlobFacts<'a, W> {
    pub(super) fn with_capacity(blobs: usize) -> Self {
        Self { first: HashMap::with_capacity(blobs) }
    }

    /// Adds what the layer at `place` states. If that contradicts an earlier layer, returns the place of the first one.
    pub(super) fn contradict(&mut self, layer: &'a Layer, place: W) -> Option<W> {
        let stated = &layer.annotations;
        let (first, known) = *self.first.entry(layer.blob).or_insert((place, stated));
        ((known.size, known.diff_id) != (stated.size, stated.diff_id)).then_some(first)
    }
}
