//! The search for cycles after links were added in an order that raises records.

use crate::cache_config::overlay::levels::Levels;
use crate::cache_config::overlay::work::Work;

#[test]
fn a_cycle_is_found_through_records_that_were_raised() {
    let (mut levels, mut work) = (Levels::default(), Work::new());
    let mut links: Vec<Vec<u32>> = vec![vec![], vec![0], vec![], vec![2], vec![3], vec![1]];
    links.iter().for_each(|links| levels.add(links.iter().copied()));
    // Record 5 links to 1, which now links to 4: both are raised above it.
    levels.link(1, 4, &mut work).unwrap();
    links[1].push(4);
    let mut reaches = |from, to| {
        levels.reaches(from, to, |at| links[usize::try_from(at).unwrap()].iter().copied(), &mut work).unwrap()
    };
    assert!(reaches(5, 4) && reaches(5, 2) && reaches(1, 2) && reaches(4, 4));
    assert!(!reaches(4, 1) && !reaches(2, 5) && !reaches(0, 4));
}
