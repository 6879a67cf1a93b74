//! A plain directory as an object store, for trials without a server, caches on a network file system, and tests.
//!
//! Internally, this module also opens the store that the options select, and limits its connections. The store on an S3
//! server is in `s3`.

mod dir;
mod limit;
mod open;

pub use dir::DirStore;
pub(crate) use limit::Limited;
pub(crate) use open::{StoreParts, context, open, open_s3, provider, settings};
