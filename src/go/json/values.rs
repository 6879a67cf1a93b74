//! Values of the fields of structs.

use std::str::FromStr;

use crate::go::json::content::Content;
use crate::go::json::memory::allocation;
use crate::go::json::problem::{JsonProblem, Read};
use crate::go::json::reader::{GoJson, JsonReader};

/// No digest or time is longer, even with every character escaped.
const MAX_PARSED_BYTES: usize = 1024;

impl GoJson for String {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        let content = reader.content()?;
        reader.memory.take(allocation(content.cost()))?;
        Ok(content.decode().into_owned())
    }
}

impl GoJson for Box<str> {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        String::read(reader).map(String::into_boxed_str)
    }
}

impl GoJson for i64 {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        reader.space();
        let at = reader.at;
        let number = reader.skip_number()?;
        integer(number).ok_or(JsonProblem::Expected { expected: "an integer of 64 bits", at, is_end: false })
    }
}

/// Returns the value of a number without fraction and exponent.
fn integer(number: &[u8]) -> Option<i64> {
    let (digits, sign) = number.strip_prefix(b"-").map_or((number, 1), |digits| (digits, -1));
    digits.iter().try_fold(0_i64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(sign * i64::from(digit))
    })
}

impl<T: GoJson> GoJson for Option<T> {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        Ok(if reader.null()? { None } else { Some(T::read(reader)?) })
    }
}

impl<T: GoJson> GoJson for Vec<T> {
    fn read(reader: &mut JsonReader<'_>) -> Read<Self> {
        let mut list = Self::new();
        reader.list(|reader| {
            let item = T::read(reader)?;
            reader.push(&mut list, item)
        })?;
        Ok(list)
    }
}

/// A string that is parsed while it is read. If parsing fails, as much of the text is kept as the error quotes.
#[derive(Clone, Debug)]
pub(crate) enum ParsedText<T> {
    /// The parsed value.
    Good(T),
    /// The text that could not be parsed.
    Bad(String),
}

impl<T: FromStr> ParsedText<T> {
    /// Returns whether there was no text.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Bad(text) if text.is_empty())
    }

    /// Returns the parsed value, or why it could not be parsed.
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
        let content = reader.content()?;
        if let Some(text) = content.text.filter(|_| !content.escaped)
            && let Ok(value) = text.parse()
        {
            return Ok(Self::Good(value));
        }
        // A longer text is neither a digest nor a time; its start is enough for an error.
        if let Some(start) = content.bytes.get(..MAX_PARSED_BYTES) {
            return Ok(Self::Bad(Content { bytes: start, text: None, ..content }.decode().into_owned()));
        }
        let text = content.decode();
        Ok(text.parse().map_or_else(|_| Self::Bad(text.into_owned()), Self::Good))
    }
}

/// Reads a struct as Go does: keys match exactly or in another ASCII case, the last duplicate wins, `null` leaves the
/// field unchanged, unknown keys are skipped.
macro_rules! go_struct {
    ($(#[$meta:meta])* $name:ident { $($key:literal => $field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type,)*
        }

        impl $crate::go::GoJson for $name {
            fn read(reader: &mut $crate::go::JsonReader<'_>) -> Result<Self, $crate::go::JsonProblem> {
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
                                out.$field = $crate::go::GoJson::read(reader)?;
                            }
                            continue;
                        }
                        position += 1;
                    )*
                    let _ = position;
                    reader.skip()?;
                }
                Ok(out)
            }
        }
    };
}

pub(crate) use go_struct;
