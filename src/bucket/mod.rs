//! What lies where in a bucket.

mod keys;

pub(crate) use keys::Keys;
