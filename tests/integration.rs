//! The integration tests: one binary, because every further one links the whole crate again.
// A test that panics is a test that fails, which is what an unwrap in it is for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
// Seeds and what was skipped: shown with a test that fails.
#![allow(clippy::print_stdout)]

#[cfg(feature = "cli")]
mod cli;
mod conformance;
mod dir_store;
mod doctor;
mod embedder;
mod fixture;
mod imports;
mod network;
mod real_server;
mod s3;
mod s3_server;
mod stub;
