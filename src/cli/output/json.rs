//! JSON on one line.

use std::time::Duration;

use s3_build_cache::error::printable;
use serde_json::Value;

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
