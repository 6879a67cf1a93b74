//! Adds the program's flags to the library's hints, which name only attributes and options of the library.

use s3_build_cache::program::{NO_BETTER_HINT, NOT_STRICT, OUT_OF_FILES};

/// The hints that a flag applies to, and what to say about the flag.
const FLAGS: &[(&str, &str)] = &[
    (OUT_OF_FILES, "or --jobs"),
    (NOT_STRICT, "leave out --strict"),
    // The hints of a pruning that is refused.
    ("force it", "--force"),
    (NO_BETTER_HINT, "-vv shows each request and the status of its response"),
];

/// Returns the hint with the flags that apply it.
pub(crate) fn with_flags(hint: &str) -> String {
    let mut hint = hint.to_owned();
    for (advice, flag) in FLAGS {
        if let Some(start) = hint.find(advice) {
            hint.insert_str(start + advice.len(), &format!(" ({flag})"));
        }
    }
    hint
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags;

    #[test]
    fn a_flag_follows_the_advice_that_it_applies() {
        let hint = with_flags(&format!("{OUT_OF_FILES}; the connection goes through a proxy"));
        assert!(hint.ends_with("lower upload_parallelism (or --jobs); the connection goes through a proxy"), "{hint}");
        assert_eq!(with_flags("set region=eu-west-1"), "set region=eu-west-1");
    }

    #[test]
    fn the_flags_exist() {
        for word in FLAGS.iter().flat_map(|(_, flag)| flag.split(' ')).filter_map(|word| word.strip_prefix("--")) {
            assert!(flags::named(word).is_some(), "{word}");
        }
    }
}
