//! Random configs merged by an independent prototype.

use std::{env, fs};

use serde_json::Value;

use super::{list, merge, read, short};
use crate::cache_config::CacheConfig;
use crate::cache_config::canonical::canonical;

/// Merges the sources of each case, a line of `[sources, expected]`, in any order. Returns the number of cases.
fn compare(cases: &str) -> usize {
    for (line, case) in cases.lines().enumerate() {
        let case: Value = serde_json::from_str(case).unwrap();
        let mut sources: Vec<CacheConfig> = list(&case[0], short);
        let expected = canonical(&short(&case[1]));
        for _ in 0..sources.len() {
            assert_eq!(canonical(&merge(&sources)), expected, "line {}", line + 1);
            sources.rotate_left(1);
        }
    }
    cases.lines().count()
}

#[test]
fn random_configs_merge_as_in_the_prototype() {
    assert!(compare(&String::from_utf8(read("random.jsonl")).unwrap()) >= 200);
}

/// Compares with a file of more cases, whose path is in `MERGE_CASES`.
#[test]
#[ignore = "needs a file of cases"]
fn more_random_configs_merge_as_in_the_prototype() {
    let cases = fs::read_to_string(env::var("MERGE_CASES").unwrap()).unwrap();
    assert!(compare(&cases) > 0);
}
