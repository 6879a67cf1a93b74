//! Reading JSON as Go's `encoding/json` reads it into structs, each value into its place at once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::json::{mend_utf8, plain_start, unescape};

/// What was expected, and at which byte there was something else, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JsonProblem {
    expected: &'static str,
    at: usize,
    is_end: bool,
}

impl fmt::Display for JsonProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.is_end { ", where the document ends" } else { "" };
        write!(f, "expected {} at byte {}{end}", self.expected, self.at)
    }
}

type Read<T> = Result<T, JsonProblem>;

/// A value that can be read from JSON.
pub(crate) trait GoJson: Sized {
    /// Reads the value that comes next.
    fn read(reader: &mut JsonReader<'_>) -> Read<Self>;
}

/// Reads a document. A byte that is not UTF-8 and half a surrogate pair become U+FFFD.
pub(crate) fn read_go_json<T: GoJson>(json: &[u8]) -> Read<T> {
    let text = mend_utf8(json);
    let mut reader = JsonReader { text: &text, at: 0 };
    let value = T::read(&mut reader)?;
    reader.space();
    if reader.at < text.len() {
        return reader.expected("the end");
    }
    Ok(value)
}

/// A document, read up to a place. Nothing in it recurses deeper than the types that are read.
pub(crate) struct JsonReader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> JsonReader<'a> {
    /// Whether a `null` comes next, which is then passed.
    pub(crate) fn null(&mut self) -> Read<bool> {
        if self.next() != b'n' {
            return Ok(false);
        }
        self.literal("null").map(|()| true)
    }

    /// Passes the start of an object or a list.
    pub(crate) fn open(&mut self, bracket: u8) -> Read<()> {
        if self.next() == bracket {
            self.at += 1;
            return Ok(());
        }
        self.expected(if bracket == b'{' { "an object" } else { "a list" })
    }

    /// Passes the end of the object or the list that was opened, or what is between two of its items. `at_start` says
    /// that no item was read yet. Whether another comes.
    fn more(&mut self, close: u8, at_start: &mut bool) -> Read<bool> {
        let next = self.next();
        if next == close {
            self.at += 1;
            return Ok(false);
        }
        if !std::mem::replace(at_start, false) {
            if next != b',' {
                return self.expected("a comma or the end of an object or a list");
            }
            self.at += 1;
        }
        Ok(true)
    }

    /// The next key of the object that was opened; `None` at its end, which is then passed. `at_start` is true for the
    /// first.
    pub(crate) fn key(&mut self, at_start: &mut bool) -> Read<Option<Cow<'a, str>>> {
        if !self.more(b'}', at_start)? {
            return Ok(None);
        }
        let key = self.string()?;
        self.colon()?;
        Ok(Some(key))
    }

    /// The same, as the position of the key among `names`: of the one that it is, else of the one that it is in another
    /// ASCII case, else their number.
    pub(crate) fn known_key(&mut self, names: &[&str], at_start: &mut bool) -> Read<Option<usize>> {
        let Some(key) = self.key(at_start)? else { return Ok(None) };
        let exact = names.iter().position(|name| *name == key);
        let position = exact.or_else(|| names.iter().position(|name| name.eq_ignore_ascii_case(&key)));
        Ok(Some(position.unwrap_or(names.len())))
    }

    fn colon(&mut self) -> Read<()> {
        if self.next() != b':' {
            return self.expected("a colon");
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Read<Cow<'a, str>> {
        let (content, escaped) = self.skip_string()?;
        Ok(if escaped { Cow::Owned(unescape(content)) } else { Cow::Borrowed(content) })
    }

    /// Passes a string: what is between its quotes, and whether there are escapes in it, all of them valid.
    fn skip_string(&mut self) -> Read<(&'a str, bool)> {
        if self.next() != b'"' {
            return self.expected("a string");
        }
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain_start(self.text.as_bytes().get(self.at..).unwrap_or_default());
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            self.at += rest.iter().position(|byte| matches!(byte, ..0x20 | b'"' | b'\\')).unwrap_or(rest.len());
            match self.byte() {
                b'"' => break,
                b'\\' => self.skip_escape()?,
                _ => return self.expected("the end of a string"),
            }
            escaped = true;
        }
        let content = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok((content, escaped))
    }

    fn skip_escape(&mut self) -> Read<()> {
        self.at += 1;
        let length = match self.byte() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
            b'u' if self.ahead(1, 4).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) => 5,
            _ => return self.expected("an escape"),
        };
        self.at += length;
        Ok(())
    }

    /// Passes a number.
    fn skip_number(&mut self) -> Read<&'a str> {
        let start = self.at;
        self.pass(b"-");
        if !self.pass(b"0") {
            self.digits()?;
        }
        if self.pass(b".") {
            self.digits()?;
        }
        if self.pass(b"eE") {
            self.pass(b"+-");
            self.digits()?;
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> Read<()> {
        if !self.byte().is_ascii_digit() {
            return self.expected("a value");
        }
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    /// Passes any value: its text. The objects and lists in it need a byte of memory for each level, and no stack.
    pub(crate) fn raw(&mut self) -> Read<&'a str> {
        self.space();
        let start = self.at;
        let mut open: Vec<u8> = Vec::new();
        loop {
            let mut at_start = false;
            match self.next() {
                b'{' | b'[' => {
                    open.push(self.byte() + 2);
                    self.at += 1;
                    at_start = true;
                }
                b'"' => drop(self.skip_string()?),
                b't' => self.literal("true")?,
                b'f' => self.literal("false")?,
                b'n' => self.literal("null")?,
                _ => drop(self.skip_number()?),
            }
            loop {
                let Some(close) = open.last().copied() else {
                    return Ok(self.text.get(start..self.at).unwrap_or_default());
                };
                if self.more(close, &mut at_start)? {
                    if close == b'}' {
                        self.skip_string()?;
                        self.colon()?;
                    }
                    break;
                }
                open.pop();
                at_start = false;
            }
        }
    }

    fn literal(&mut self, word: &'static str) -> Read<()> {
        if self.ahead(0, word.len()) != Some(word.as_bytes()) {
            return self.expected("a value");
        }
        self.at += word.len();
        Ok(())
    }

    /// Passes white space: the byte after it, 0 at the end.
    fn next(&mut self) -> u8 {
        if self.byte() <= b' ' {
            self.space();
        }
        self.byte()
    }

    fn space(&mut self) {
        while matches!(self.byte(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// The next byte, 0 at the end: wherever it matters, that is as wrong as the end is.
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn ahead(&self, from: usize, length: usize) -> Option<&'a [u8]> {
        self.text.as_bytes().get(self.at..)?.get(from..)?.get(..length)
    }

    /// Passes one of these bytes if it comes next, and says whether it did.
    fn pass(&mut self, one_of: &[u8]) -> bool {
        let passed = one_of.contains(&self.byte());
        self.at += usize::from(passed);
        passed
    }

    fn expected<T>(&self, expected: &'static str) -> Read<T> {
        Err(JsonProblem { expected, at: self.at, is_end: self.at >= self.text.len() })
    }
}

impl GoJson for String {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        reader.string().map(Cow::into_owned)
    }
}

impl GoJson for i64 {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        reader.space();
        let at = reader.at;
        reader.skip_number()?.parse().map_err(|_| JsonProblem { expected: "an integer of 64 bits", at, is_end: false })
    }
}

impl<T: GoJson> GoJson for Option<T> {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        Ok(if reader.null()? { None } else { Some(T::read(reader)?) })
    }
}

impl<T: GoJson> GoJson for Vec<T> {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        reader.open(b'[')?;
        let mut list = Self::new();
        let mut at_start = true;
        while reader.more(b']', &mut at_start)? {
            if list.len() == list.capacity() {
                // Most lists have one item or two, and a cache config has a list for each of its edges.
                list.reserve_exact(list.len().max(1));
            }
            list.push(T::read(reader)?);
        }
        Ok(list)
    }
}

impl<T: GoJson> GoJson for BTreeMap<String, T> {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        reader.open(b'{')?;
        let mut map = Self::new();
        let mut at_start = true;
        while let Some(key) = reader.key(&mut at_start)? {
            map.insert(key.into_owned(), T::read(reader)?);
        }
        Ok(map)
    }
}

/// A string that is parsed where it is read, so that only one that cannot be is kept.
#[derive(Clone, Debug)]
pub(crate) enum ParsedText<T> {
    /// What it says.
    Good(T),
    /// What cannot be parsed.
    Bad(String),
}

impl<T: FromStr> ParsedText<T> {
    /// Whether there was no text.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Bad(text) if text.is_empty())
    }

    /// What it says, or why it cannot be parsed.
    pub(crate) fn get(self) -> Result<T, T::Err> {
        match self {
            Self::Good(value) => Ok(value),
            Self::Bad(text) => text.parse(),
        }
    }
}

/// No text.
impl<T> Default for ParsedText<T> {
    fn default() -> Self {
        Self::Bad(String::new())
    }
}

impl<T: FromStr> GoJson for ParsedText<T> {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        let text = reader.string()?;
        Ok(text.parse().map_or_else(|_| Self::Bad(text.into_owned()), Self::Good))
    }
}

/// A struct that is read as Go reads one: keys exact or in another ASCII case, the last duplicate wins, `null` leaves
/// the field as it is, unknown keys are skipped.
macro_rules! go_struct {
    ($(#[$meta:meta])* $name:ident { $($key:literal => $field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type,)*
        }

        impl $crate::base::GoJson for $name {
            fn read(reader: &mut $crate::base::JsonReader<'_>) -> Result<Self, $crate::base::JsonProblem> {
                let mut out = Self::default();
                if reader.null()? {
                    return Ok(out);
                }
                reader.open(b'{')?;
                let mut at_start = true;
                while let Some(key) = reader.known_key(&[$($key),*], &mut at_start)? {
                    let mut position = 0;
                    $(
                        if key == position {
                            if !reader.null()? {
                                out.$field = $crate::base::GoJson::read(reader)?;
                            }
                            continue;
                        }
                        position += 1;
                    )*
                    let _ = position;
                    reader.raw()?;
                }
                Ok(out)
            }
        }
    };
}

pub(crate) use go_struct;

#[cfg(test)]
#[path = "go_json/tests.rs"]
mod tests;
