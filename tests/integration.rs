//! The integration tests. They share one binary, because each additional one links the whole crate again.
// In a test, a panic is a failure, as intended.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]
// Seeds and skipped steps, shown if a test fails.
#![allow(clippy::print_stdout)]

#[allow(dead_code)]
#[path = "../src/build.rs"]
mod build;
#[cfg(feature = "cli")]
mod cli;
mod conformance;
mod dir_store;
mod doctor;
mod embedder;
mod examples;
mod fixture;
mod guides;
mod imports;
mod loopback;
mod memory_store;
mod network;
mod package;
mod real_server;
mod s3;
mod s3_server;
mod serve;
mod stub;
