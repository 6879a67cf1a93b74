//! Splits a command line into flags, their values and arguments, as docker, buildx and buildctl do.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use crate::run::flags::Flags;

/// A flag with a value on a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// The long name, without dashes.
    pub(super) name: &'static str,
    /// The index of the flag.
    pub(super) flag: usize,
    /// The index of the value: the flag's own, or the next.
    pub(super) value: usize,
    /// Where the value begins in its word, in bytes.
    offset: usize,
}

/// A command line from some word on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) given: Vec<Given>,
    /// The names of the flags without a value, without dashes.
    pub(super) switches: Vec<Vec<u8>>,
    /// The indexes of the other words.
    pub(super) arguments: Vec<usize>,
}

impl Given {
    /// Returns the value.
    pub(super) fn of<'a>(&self, line: &'a [OsString]) -> &'a OsStr {
        let word = line.get(self.value).map_or(&[][..], |word| word.as_bytes());
        OsStr::from_bytes(word.get(self.offset..).unwrap_or_default())
    }

    /// Returns the word of the value with another value.
    pub(super) fn with(&self, line: &[OsString], value: &str) -> OsString {
        let word = line.get(self.value).map_or(&[][..], |word| word.as_bytes());
        let mut word = word.get(..self.offset).unwrap_or_default().to_vec();
        word.extend_from_slice(value.as_bytes());
        OsString::from_vec(word)
    }
}

impl Words {
    /// Splits the words from `start` on, up to the end or up to the first argument.
    pub(super) fn split(line: &[OsString], start: usize, flags: &Flags, only_flags: bool) -> Self {
        let mut words = Self::default();
        let mut at = start;
        while let Some(word) = line.get(at) {
            let word = word.as_bytes();
            if word == b"--" {
                words.arguments.extend(at + 1..line.len());
                return words;
            }
            at = match word {
                [b'-', b'-', name @ ..] => words.long(name, at, 2, flags),
                [b'-', name @ ..] if !name.is_empty() && flags.one_dash => words.long(name, at, 1, flags),
                [b'-', letters @ ..] if !letters.is_empty() => words.letters(letters, at, flags),
                _ => {
                    words.arguments.push(at);
                    if only_flags {
                        return words;
                    }
                    at + 1
                }
            };
        }
        words.given.retain(|given| given.value < line.len());
        words
    }

    /// Returns the values given to the flag, in order.
    pub(super) fn values<'a>(&'a self, line: &'a [OsString], name: &'a str) -> impl Iterator<Item = &'a OsStr> {
        self.given.iter().filter(move |given| given.name == name).map(|given| given.of(line))
    }

    pub(super) fn has_switch(&self, name: &str) -> bool {
        self.switches.iter().any(|switch| switch == name.as_bytes())
    }

    /// Takes a long flag after `dashes` dashes. Returns the index of the next word.
    fn long(&mut self, text: &[u8], at: usize, dashes: usize, flags: &Flags) -> usize {
        let equals = text.iter().position(|byte| *byte == b'=');
        let name = text.get(..equals.unwrap_or(text.len())).unwrap_or_default();
        let known = flags.with_value(name).or_else(|| match name {
            [letter] if flags.one_dash => flags.of_letter(*letter),
            _ => None,
        });
        match (known, equals) {
            (Some(name), Some(equals)) => self.take(name, at, at, dashes + equals + 1),
            (Some(name), None) => self.take(name, at, at + 1, 0),
            (None, _) => {
                self.switches.push(name.to_vec());
                at + 1
            }
        }
    }

    /// Takes joined letters, such as `-qt NAME`, `-tNAME` or `-t=NAME`. Returns the index of the next word.
    fn letters(&mut self, letters: &[u8], at: usize, flags: &Flags) -> usize {
        for (index, letter) in letters.iter().enumerate() {
            let rest = letters.get(index + 1..).unwrap_or_default();
            match (flags.of_letter(*letter), rest) {
                (Some(name), []) => return self.take(name, at, at + 1, 0),
                (Some(name), [b'=', ..]) => return self.take(name, at, at, index + 3),
                (Some(name), _) => return self.take(name, at, at, index + 2),
                (None, _) => self.switches.push(vec![*letter]),
            }
            if let [b'=', ..] = rest {
                break;
            }
        }
        at + 1
    }

    fn take(&mut self, name: &'static str, flag: usize, value: usize, offset: usize) -> usize {
        self.given.push(Given { name, flag, value, offset });
        value + 1
    }
}
