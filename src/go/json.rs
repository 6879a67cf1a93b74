//! JSON as Go's `encoding/json` reads it into structs, each value directly into its field, and as it writes strings.
//!
//! A value can be larger than its text: an empty object of two bytes becomes a struct, and an invalid UTF-8 byte
//! becomes three bytes. The memory of the values is therefore counted, and a document that needs far more than its size
//! is refused.

mod content;
mod memory;
mod plain;
mod problem;
mod reader;
mod text;
mod values;
mod write;

pub(crate) use problem::JsonProblem;
pub(crate) use reader::{GoJson, JsonReader, read_go_json, read_go_json_with};
pub(crate) use values::{ParsedText, go_struct};
pub(crate) use write::push_go_string;

#[cfg(test)]
mod tests;
