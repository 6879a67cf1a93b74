//! Writes results to standard output, and progress, warnings and failures to standard error.

pub(crate) mod advice;
pub(crate) mod buckets;
pub(crate) mod color;
mod envelope;
pub(crate) mod exit;
pub(crate) mod failure;
pub(crate) mod github;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod served;
pub(crate) mod stderr;
mod stdout;
pub(crate) mod table;
pub(crate) mod transfer;
pub(crate) mod tree;

pub(crate) use envelope::Envelope;
pub(crate) use json::{json, merged};
pub(crate) use stdout::{print, print_with};
