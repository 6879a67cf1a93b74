//! The command `run`: a build that reads and writes S3 caches through a server of this process.

mod advertise;
mod bake;
mod caches;
mod capture;
mod child;
mod environment;
mod facts;
mod flags;
mod invocation;
mod look;
mod plan;
mod reach;
mod request;
mod s3_value;
mod serving;
mod slot;
mod summary;
mod words;

pub(crate) use advertise::Advertise;
pub(crate) use child::Guard;
pub(crate) use request::{Request, finished};
pub(crate) use s3_value::{Direction, S3Value};
pub(crate) use summary::{Finished, nothing_done};

#[cfg(test)]
mod tests;
