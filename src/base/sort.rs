//! Sorts lists that are short, or sorted rarely. The standard library's sorts are copied into the program for every
//! type of elements, about 3 KB each; this one is compiled once. It is two to three times slower, and allocates three
//! integers per element.

use std::cmp::Ordering;

/// Sorts `items`.
pub(crate) fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Returns the items in order, equal ones once.
pub(crate) fn distinct<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    sort(&mut items);
    items.dedup();
    items
}

/// Sorts `items` by a key. Items with the same key keep their order.
pub(crate) fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |one, other| key(one).cmp(&key(other)));
}

/// Sorts `items` by comparing them. Equal items keep their order.
pub(crate) fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let swaps = swaps(items.len(), &|one, other| match (items.get(one), items.get(other)) {
        (Some(one), Some(other)) => compare(one, other),
        _ => Ordering::Equal,
    });
    for (one, other) in swaps {
        items.swap(one, other);
    }
}

/// Returns the positions of `count` items in the order of the items, which `compare` compares by their positions. Equal
/// items keep their order.
pub(crate) fn order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|one, other| compare(*one, *other));
    order
}

/// Returns the swaps that sort a list of `count` items, which `compare` compares by their positions before all swaps.
fn swaps(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<(usize, usize)> {
    if (1..count).all(|at| compare(at - 1, at) != Ordering::Greater) {
        return Vec::new();
    }
    let mut order = order(count, compare);
    // Follows each cycle of the permutation: the place that an item leaves takes the one that belongs there.
    let mut swaps = Vec::new();
    for start in 0..count {
        let mut at = start;
        while let Some(from) = order.get_mut(at).map(|from| std::mem::replace(from, at))
            && from != start
            && from != at
        {
            swaps.push((at, from));
            at = from;
        }
    }
    swaps
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sorts_like_the_standard_library(items: Vec<(u8, u16)>) {
            let (mut all, mut expected) = (items.clone(), items.clone());
            sort(&mut all);
            expected.sort();
            prop_assert_eq!(&all, &expected);
            expected.dedup();
            prop_assert_eq!(distinct(all), expected);
            let (mut by_key, mut expected) = (items.clone(), items);
            sort_by_key(&mut by_key, |(key, _)| *key);
            expected.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(by_key, expected);
        }
    }
}
