//! Reads a document from start to end, without looking back.

use crate::go::json::content::Content;
use crate::go::json::memory::{Memory, allocation};
use crate::go::json::plain::plain_start;
use crate::go::json::problem::{JsonProblem, Read};
use crate::go::json::text::lossy_utf8;

/// A value that can be read from JSON.
pub(crate) trait GoJson: Sized {
    /// Reads the next value.
    fn read(reader: &mut JsonReader<'_>) -> Read<Self>;
}

/// Reads a document. Invalid UTF-8 bytes and unpaired surrogates become U+FFFD.
pub(crate) fn read_go_json<T: GoJson>(json: &[u8]) -> Read<T> {
    read_go_json_with(json, T::read)
}

/// Reads a document with `read`.
pub(crate) fn read_go_json_with<T>(json: &[u8], read: impl FnOnce(&mut JsonReader<'_>) -> Read<T>) -> Read<T> {
    let text = std::str::from_utf8(json).ok();
    let mut reader = JsonReader { bytes: json, text, at: 0, memory: Memory::of_document(json.len()) };
    let value = read(&mut reader)?;
    reader.space();
    if reader.at < json.len() {
        return reader.expected("the end");
    }
    Ok(value)
}

/// A document and the position of the reader. Recursion is no deeper than the nesting of the types that are read.
pub(crate) struct JsonReader<'a> {
    pub(super) bytes: &'a [u8],
    /// The same as text, if all of it is UTF-8.
    text: Option<&'a str>,
    /// The byte offset of what is read next.
    pub(super) at: usize,
    /// The memory that its values may take.
    pub(crate) memory: Memory,
}

// Functions that run for each token are always inlined: compiled for size, even these would stay calls.
impl<'a> JsonReader<'a> {
    /// Appends to a list, starting with a capacity of one: most lists have one or two items, and a cache config has a
    /// list for each edge.
    pub(crate) fn push<T>(&mut self, list: &mut Vec<T>, item: T) -> Read<()> {
        let size = size_of::<T>();
        self.memory.take(if list.is_empty() { allocation(size) } else { size })?;
        if list.len() == list.capacity() {
            list.reserve_exact(list.len().max(1));
        }
        list.push(item);
        Ok(())
    }

    /// Reads a list; each call of `item` reads one item.
    pub(crate) fn list(&mut self, mut item: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        self.open(b'[')?;
        let mut at_start = true;
        while self.more(b']', &mut at_start)? {
            item(self)?;
        }
        Ok(())
    }

    /// Reads an object; each call of `value` reads the value of one of `names`. A `null` is not a value.
    pub(crate) fn object(&mut self, names: &[&str], mut value: impl FnMut(&mut Self, usize) -> Read<()>) -> Read<()> {
        self.open(b'{')?;
        let mut at_start = true;
        while let Some(position) = self.known_key(names, &mut at_start)? {
            if position == names.len() {
                self.skip()?;
            } else if !self.null()? {
                value(self, position)?;
            }
        }
        Ok(())
    }

    /// Consumes a `null` if it is next, and returns whether it did.
    pub(crate) fn null(&mut self) -> Read<bool> {
        if self.next() != b'n' {
            return Ok(false);
        }
        self.literal("null").map(|()| true)
    }

    /// Consumes the start of an object or a list.
    pub(crate) fn open(&mut self, bracket: u8) -> Read<()> {
        if self.next() == bracket {
            self.at += 1;
            return Ok(());
        }
        self.expected(if bracket == b'{' { "an object" } else { "a list" })
    }

    /// Consumes the end of the open object or list, or the separator before its next item. `at_start` is true before
    /// the first item. Returns whether there is another item.
    #[inline(always)]
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

    /// Returns the next key of the open object, or consumes its end and returns `None`. `at_start` is true before the
    /// first key.
    #[inline(always)]
    fn key(&mut self, at_start: &mut bool) -> Read<Option<Content<'a>>> {
        if !self.more(b'}', at_start)? {
            return Ok(None);
        }
        let key = self.content()?;
        self.colon()?;
        Ok(Some(key))
    }

    /// Returns the next key as a string.
    pub(crate) fn any_key(&mut self, at_start: &mut bool) -> Read<Option<String>> {
        Ok(self.key(at_start)?.map(|key| key.decode().into_owned()))
    }

    /// Reads any value as JSON text.
    pub(crate) fn raw(&mut self) -> Read<String> {
        self.space();
        let start = self.at;
        self.skip()?;
        Ok(lossy_utf8(self.bytes.get(start..self.at).unwrap_or_default()).into_owned())
    }

    /// Returns the next key as its position among `names`: an exact match, else a match in another ASCII case, else
    /// `names.len()`.
    pub(crate) fn known_key(&mut self, names: &[&str], at_start: &mut bool) -> Read<Option<usize>> {
        let Some(key) = self.key(at_start)? else { return Ok(None) };
        // Fast path: nearly all keys are without escapes.
        if let Some(position) = names.iter().position(|name| name.as_bytes() == key.bytes) {
            return Ok(Some(position));
        }
        let key = key.decode_key();
        let exact = names.iter().position(|name| *name == key);
        let position = exact.or_else(|| names.iter().position(|name| name.eq_ignore_ascii_case(&key)));
        Ok(Some(position.unwrap_or(names.len())))
    }

    /// Reads an object of strings. Returns those whose keys are among `names`; the last duplicate wins. Others are
    /// dropped, but must be strings too.
    pub(crate) fn named_texts(&mut self, names: &[&'static str]) -> Read<Vec<(&'static str, Box<str>)>> {
        self.open(b'{')?;
        let mut texts: Vec<(&'static str, Box<str>)> = Vec::new();
        let mut at_start = true;
        while let Some(key) = self.key(&mut at_start)? {
            let key = key.decode_key();
            let Some(name) = names.iter().find(|name| **name == key) else {
                if !self.null()? {
                    self.content()?;
                }
                continue;
            };
            texts.retain(|(known, _)| known != name);
            if !self.null()? {
                let text = Box::read(self)?;
                self.push(&mut texts, (*name, text))?;
            }
        }
        Ok(texts)
    }

    #[inline(always)]
    fn colon(&mut self) -> Read<()> {
        if self.next() != b':' {
            return self.expected("a colon");
        }
        self.at += 1;
        Ok(())
    }

    /// Consumes a string.
    #[inline(always)]
    pub(super) fn content(&mut self) -> Read<Content<'a>> {
        if self.next() != b'"' {
            return self.expected("a string");
        }
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += plain_start(self.bytes.get(self.at..).unwrap_or_default());
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            self.at += rest.iter().position(|byte| matches!(byte, ..0x20 | b'"' | b'\\')).unwrap_or(rest.len());
            match self.byte() {
                b'"' => break,
                b'\\' => self.skip_escape()?,
                _ => return self.expected("the end of a string"),
            }
            escaped = true;
        }
        let bytes = self.bytes.get(start..self.at).unwrap_or_default();
        let text = match self.text {
            Some(text) => text.get(start..self.at),
            None => std::str::from_utf8(bytes).ok(),
        };
        self.at += 1;
        Ok(Content { bytes, text, escaped })
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

    /// Consumes a number and returns its bytes, which are ASCII.
    pub(super) fn skip_number(&mut self) -> Read<&'a [u8]> {
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
        Ok(self.bytes.get(start..self.at).unwrap_or_default())
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

    /// Consumes any value. Nested objects and lists take one byte of memory per level, and no stack.
    pub(crate) fn skip(&mut self) -> Read<()> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            let mut at_start = false;
            match self.next() {
                b'{' | b'[' => {
                    open.push(self.byte() + 2);
                    self.at += 1;
                    at_start = true;
                }
                b'"' => drop(self.content()?),
                b't' => self.literal("true")?,
                b'f' => self.literal("false")?,
                b'n' => self.literal("null")?,
                _ => drop(self.skip_number()?),
            }
            loop {
                let Some(close) = open.last().copied() else { return Ok(()) };
                if self.more(close, &mut at_start)? {
                    if close == b'}' {
                        self.content()?;
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

    /// Skips white space and returns the next byte, 0 at the end.
    #[inline(always)]
    fn next(&mut self) -> u8 {
        if self.byte() <= b' ' {
            self.space();
        }
        self.byte()
    }

    /// Consumes white space.
    pub(super) fn space(&mut self) {
        while matches!(self.byte(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// Returns the next byte, 0 at the end: a zero byte is an error wherever the end is.
    #[inline(always)]
    fn byte(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn ahead(&self, from: usize, length: usize) -> Option<&'a [u8]> {
        self.bytes.get(self.at..)?.get(from..)?.get(..length)
    }

    /// Consumes the next byte if it is one of these, and returns whether it did.
    fn pass(&mut self, one_of: &[u8]) -> bool {
        let passed = one_of.contains(&self.byte());
        self.at += usize::from(passed);
        passed
    }

    fn expected<T>(&self, expected: &'static str) -> Read<T> {
        Err(JsonProblem::Expected { expected, at: self.at, is_end: self.at >= self.bytes.len() })
    }
}
