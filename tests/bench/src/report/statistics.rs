//! Medians, and ratios of measurements in rounds.

/// Returns the median, or NaN if there are no values.
pub(super) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

/// Returns the median of the ratios within each round, so that load during a whole round cancels out. If the rounds do
/// not match, returns the ratio of the medians.
pub(super) fn paired(ours: &[f64], theirs: &[f64]) -> f64 {
    if ours.len() == theirs.len() {
        median(ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs))
    } else {
        median(ours.iter().copied()) / median(theirs.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, middle) in [(&[3.0][..], 3.0), (&[9.0, 1.0, 2.0], 2.0), (&[4.0, 1.0, 2.0, 9.0], 3.0)] {
            assert_eq!(median(values.iter().copied()), middle);
        }
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn a_slow_round_does_not_move_the_ratio() {
        assert_eq!(paired(&[1.0, 100.0, 1.0], &[2.0, 200.0, 2.0]), 0.5);
        assert_eq!(paired(&[1.0, 3.0, 2.0], &[4.0]), 0.5);
    }
}
