//! Parses the text of one attribute.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::base::{Error, Result, shown};
use crate::config::loose_duration;
use crate::go::{parse_bool, parse_duration};

/// The units of sizes, in bytes.
const UNITS: [(&str, u64); 5] = [("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// The text of a known attribute.
#[derive(Clone, Copy)]
pub(super) struct AttributeValue<'a> {
    pub(super) name: &'static str,
    pub(super) text: &'a str,
}

/// Parses the duration of an option of the command line, as in an attribute. `name` is that of the option.
///
/// # Errors
/// [`Error::Usage`] with a hint if it is not a duration.
pub fn parse_option_duration(name: &'static str, text: &str) -> Result<Duration> {
    AttributeValue { name, text }.duration()
}

/// Parses the size of an option of the command line, as in an attribute. `name` is that of the option.
///
/// # Errors
/// [`Error::Usage`] with a hint if it is not a size.
pub fn parse_option_size(name: &'static str, text: &str) -> Result<u64> {
    AttributeValue { name, text }.size()
}

impl AttributeValue<'_> {
    /// Returns the text, or `None` if it is empty, which counts as unset.
    pub(super) fn text(self) -> Option<String> {
        Some(self.text.to_owned()).filter(|text| !text.is_empty())
    }

    pub(super) fn bool(self) -> Result<bool> {
        parse_bool(self.text).ok_or_else(|| self.bad("true or false"))
    }

    /// Returns a boolean, or `None` for `auto`; `allowed` lists the choices for the hint.
    pub(super) fn bool_or_auto(self, allowed: &str) -> Result<Option<bool>> {
        if self.text == "auto" {
            return Ok(None);
        }
        parse_bool(self.text).map(Some).ok_or_else(|| self.bad(allowed))
    }

    pub(super) fn number(self) -> Result<NonZeroU32> {
        self.text.parse().map_err(|_| self.bad("a whole number of at least 1"))
    }

    pub(super) fn duration(self) -> Result<Duration> {
        parse_duration(self.text).ok_or_else(|| self.bad_duration())
    }

    /// Returns a number of bytes, with a unit or without.
    pub(super) fn size(self) -> Result<u64> {
        let digits = self.text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = self.text.split_at_checked(digits).unwrap_or_default();
        let bytes = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, bytes)| *bytes);
        let size = number.parse().ok().zip(bytes).and_then(|(number, bytes): (u64, u64)| number.checked_mul(bytes));
        size.filter(|size| *size > 0).ok_or_else(|| self.bad("a size of at least one byte, such as 900KiB or 2MiB"))
    }

    /// Returns the value of the choice that the text names; `allowed` lists the choices for the hint.
    pub(super) fn one_of<T: Copy>(self, choices: &[(&str, T)], allowed: &str) -> Result<T> {
        let chosen = choices.iter().find(|(name, _)| *name == self.text);
        chosen.map(|(_, choice)| *choice).ok_or_else(|| self.bad(allowed))
    }

    /// Returns the error for a text that is not `allowed`. Shows the text, so it must not be a secret.
    pub(super) fn bad(self, allowed: &str) -> Error {
        self.bad_with(format!("set {} to {allowed}", self.name))
    }

    fn bad_with(self, hint: String) -> Error {
        Error::usage(format!("{}={} is not valid", self.name, shown(self.text))).with_hint(hint)
    }

    fn bad_duration(self) -> Error {
        let Self { name, text } = self;
        let bare_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match loose_duration::as_go_writes_it(text) {
            Some(go) => self.bad_with(format!("write {name}={go}: the units are h, m, s and ms")),
            None if bare_number => self.bad_with(format!("add a unit: h, m or s, for example {name}={text}h")),
            None => self.bad("a duration that is not negative, such as 24h, 1h30m or 0s"),
        }
    }
}
