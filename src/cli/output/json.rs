//! JSON on one line.

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

/// Returns the value on one line, escaping everything that a terminal would not show literally.
pub(crate) fn line(value: &Value) -> String {
    let mut line = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii_graphic() || c == ' ' || printable(c.encode_utf8(&mut [0; 4])).chars().eq([c]) {
            line.push(c);
        } else {
            // JSON uses surrogate pairs for characters outside the basic plane.
            line.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    line.push('\n');
    line
}
