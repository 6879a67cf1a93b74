//! Randomness for pauses.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Returns a random number in `[0, 1)`, good enough to keep clients from running in step.
pub(crate) fn random_fraction() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    #[expect(clippy::cast_precision_loss, reason = "53 bits are all a float has")]
    let fraction = (random >> 11) as f64 / (1_u64 << 53) as f64;
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_stay_in_range() {
        for _ in 0..1000 {
            assert!((0.0..1.0).contains(&random_fraction()));
        }
    }
}
