//! A plain directory as an object store, for trials without a server, caches on a network file system, and tests.
//!
//! Internally, this module also opens the store that the options select, limits its connections, and resumes its
//! downloads. The store on an S3 server is in `s3`.

// Used by the server.
mod ahead;
mod dir;
mod limit;
mod open;
mod resume;

// The server that reads ahead uses these.
pub(crate) use ahead::{Abandoned, BlobRead, ReadAhead, ReadAheadSettings, VerifiedReader};
pub use dir::DirStore;
pub(crate) use limit::Limited;
pub(crate) use open::{OpenedStore, StoreParts, context, open, open_s3, provider, settings};
pub(crate) use resume::ResumingReader;
