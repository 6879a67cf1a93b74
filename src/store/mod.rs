//! Opens the store that the options select, and implements a plain directory as a store. S3 as a store is in `s3`.

mod dir;
mod limit;
mod open;

pub use dir::DirStore;
pub(crate) use limit::Limited;
pub(crate) use open::{StoreParts, context, open, open_s3, provider, settings};
