//! Parsers that accept exactly what Go's do, because BuildKit and the AWS SDK that it uses are written in Go.

mod bool;
mod duration;
mod integer;
mod json;
mod timestamp;

pub use bool::parse_bool;
pub(crate) use duration::parse_duration;
pub(crate) use integer::parse_integer;
pub(crate) use json::{
    GoJson, JsonProblem, JsonReader, ParsedText, go_struct, push_go_string, read_go_json, read_go_json_with,
};
pub use timestamp::{InvalidTimestamp, Timestamp};
