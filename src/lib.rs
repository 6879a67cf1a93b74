//! placeholder, replaced by the front door
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)
)]

pub mod base;
pub mod config;
pub mod credentials;
mod files;
mod http;
pub mod layout;
pub mod manifest;
mod s3;
mod sigv4;
pub mod store;
pub mod transfer;
pub use base::*;
pub use config::*;
pub use credentials::*;
pub use layout::*;
pub use manifest::*;
