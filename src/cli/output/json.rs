//! JSON on one line.

use std::fmt;
use std::time::Duration;

use s3_build_cache::error::printable;
use serde_json::{Map, Value};

/// Returns a JSON object, like serde_json's macro of this name, which takes three times as much code for each field.
/// Every value is an expression, also an object in an object.
macro_rules! json {
    ({ $($name:literal: $value:expr),* $(,)? }) => {{
        #[allow(unused_mut, reason = "an object may have no fields")]
        let mut object = serde_json::Map::new();
        $($crate::output::json::Field::add(&$value, $name, &mut object);)*
        serde_json::Value::Object(object)
    }};
}

pub(crate) use json;

/// The value of a field.
pub(crate) trait Field {
    /// Returns the value as JSON.
    fn json(&self) -> Value;

    /// Adds a field with this value.
    fn add(&self, name: &str, object: &mut Map<String, Value>) {
        object.insert(name.to_owned(), self.json());
    }
}

impl<T: Field + ?Sized> Field for &T {
    fn json(&self) -> Value {
        (**self).json()
    }
}

impl<T: Field> Field for Option<T> {
    fn json(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::json)
    }
}

impl<T: Field> Field for Vec<T> {
    fn json(&self) -> Value {
        self.iter().map(T::json).collect()
    }
}

impl Field for str {
    fn json(&self) -> Value {
        self.into()
    }
}

/// Implements [`Field`] for types that can be copied, or cloned at little cost.
macro_rules! fields {
    ($($value:ty)*) => {
        $(impl Field for $value {
            fn json(&self) -> Value {
                self.clone().into()
            }
        })*
    };
}

fields! { Value String bool f64 i32 u8 u32 u64 usize }

/// Returns the fields of both objects; those of `more` take precedence.
pub(crate) fn merged(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

/// Returns seconds, rounded to milliseconds.
pub(crate) fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// An object whose long arrays are not in memory: their elements are made one after the other, while they are printed.
pub(crate) struct Object {
    pub(crate) fields: Value,
    /// The arrays, which come after the other fields.
    pub(crate) arrays: Vec<(&'static str, Elements)>,
}

/// Makes the elements of an array, and passes on each.
pub(crate) type Elements = Box<dyn Fn(&mut dyn FnMut(&Object))>;

impl From<Value> for Object {
    fn from(fields: Value) -> Self {
        Self { fields, arrays: Vec::new() }
    }
}

impl Object {
    /// Returns the object with more fields; those of the object take precedence.
    pub(crate) fn with(self, more: Value) -> Self {
        Self { fields: merged(more, self.fields), ..self }
    }

    /// Writes the object on one line, escaping everything that a terminal would not show literally.
    pub(crate) fn write_line(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.write(&mut Escaped(out))?;
        out.write_char('\n')
    }

    fn write(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let text = self.fields.to_string();
        let Some(fields) = text.strip_suffix('}').filter(|_| !self.arrays.is_empty()) else {
            return out.write_str(&text);
        };
        out.write_str(fields)?;
        let mut is_first = fields == "{";
        for (name, elements) in &self.arrays {
            write!(out, "{}\"{name}\":[", if is_first { "" } else { "," })?;
            is_first = false;
            let (mut written, mut separator) = (Ok(()), "");
            elements(&mut |element| {
                if written.is_ok() {
                    written = out.write_str(separator).and_then(|()| element.write(out));
                    separator = ",";
                }
            });
            written?;
            out.write_char(']')?;
        }
        out.write_char('}')
    }
}

/// Escapes everything that a terminal would not show literally.
struct Escaped<'a>(&'a mut dyn fmt::Write);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_plain = |c: char| c.is_ascii_graphic() || c == ' ';
        if text.chars().all(is_plain) {
            return self.0.write_str(text);
        }
        text.chars().try_for_each(|c| {
            if is_plain(c) || printable(c.encode_utf8(&mut [0; 4])).chars().eq([c]) {
                return self.0.write_char(c);
            }
            // JSON uses surrogate pairs for characters outside the basic plane.
            c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(self.0, "\\u{unit:04x}"))
        })
    }
}

/// Returns the value on one line, escaped in the same way.
pub(crate) fn line(value: Value) -> String {
    let mut line = String::new();
    // Writing to a string cannot fail.
    let _ = Object::from(value).write_line(&mut line);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: u64) -> Elements {
        Box::new(move |each| (0..count).for_each(|number| each(&json!({"number": number}).into())))
    }

    #[test]
    fn arrays_come_after_the_other_fields() {
        for (fields, count, expected) in [
            (json!({"a": 1}), 2, r#"{"a":1,"x":[{"number":0},{"number":1}],"y":[]}"#),
            (json!({}), 0, r#"{"x":[],"y":[]}"#),
        ] {
            let object = Object { fields, arrays: vec![("x", numbers(count)), ("y", numbers(0))] };
            let mut line = String::new();
            object.write_line(&mut line).unwrap();
            assert_eq!(line, format!("{expected}\n"));
        }
    }

    #[test]
    fn what_a_terminal_would_not_show_is_escaped() {
        let value = json!({"text": "a\u{1b}\u{202e}\u{e0001} größe"});
        assert_eq!(line(value.clone()), "{\"text\":\"a\\u001b\\u202e\\udb40\\udc01 größe\"}\n");
        assert_eq!(serde_json::from_str::<Value>(&line(value.clone())).unwrap(), value);
    }
}
