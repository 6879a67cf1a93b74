//! The flags: one table, from which the parser, the help, the shell completions, the manual page and the suggestions
//! are made.

mod flag;
mod raw;
mod table;
mod values;

pub(crate) use flag::{Effect, Flag, Values};
pub(crate) use raw::{Global, ProgressMode, Raw};
pub(crate) use table::FLAGS;

/// Returns the flag with this short form, given without its dash.
pub(crate) fn lettered(letter: char) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.short == Some(letter))
}

/// Returns the flag with this name, given without its two dashes.
pub(crate) fn named(long: &str) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.long == long)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_aliases_are_unique() {
        let mut long = BTreeSet::new();
        let mut short = BTreeSet::new();
        for flag in FLAGS {
            assert!(long.insert(flag.long), "{}", flag.long);
            assert!(flag.short.is_none_or(|letter| short.insert(letter)), "{}", flag.long);
        }
        for alias in FLAGS.iter().flat_map(|flag| flag.aliases) {
            let word = alias.split_once('=').map_or(*alias, |(word, _)| word);
            assert!(long.insert(word), "{alias}");
        }
    }
}
