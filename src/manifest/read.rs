//! Reading a cache config, as Go would.

use std::collections::HashMap;

use crate::base::{Digest, Error, Problem, Result, read_go_json};
use crate::manifest::check::{Source, check};
use crate::manifest::descriptor::Descriptor;
use crate::manifest::model::CacheConfig;
use crate::manifest::raw::RawConfig;

/// The largest cache config that is read. Real ones have a few hundred bytes for each step of the builds in them.
pub const MAX_MANIFEST_BYTES: u64 = 256 * 1024 * 1024;

/// How many objects and lists a cache config may hold: a million records have six million. Each costs a hundred bytes
/// of memory or so, and a hostile file has one in three bytes.
const MAX_PARTS: usize = 8_000_000;

impl CacheConfig {
    /// Reads the manifest of an S3 cache.
    ///
    /// # Errors
    /// [`Error::Integrity`] when it is not JSON of that form, or does not hold together; the first problems are named.
    pub fn from_s3_json(json: &[u8]) -> Result<Self> {
        check(parse(json)?, Source::Annotations)
    }

    /// Reads the config of a local cache, whose manifest has `descriptors`.
    pub(crate) fn from_local_json(json: &[u8], descriptors: &[Descriptor]) -> Result<Self> {
        // The last of several for one blob counts, as in BuildKit.
        let by_blob: HashMap<Digest, &Descriptor> =
            descriptors.iter().filter_map(|descriptor| Some((descriptor.digest.parse().ok()?, descriptor))).collect();
        check(parse(json)?, Source::Descriptors(&by_blob))
    }
}

fn parse(json: &[u8]) -> Result<RawConfig> {
    let invalid = |why: String| Error::Integrity(Problem::new(format!("not a cache config: {why}")));
    if json.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(invalid(format!("it has more than {MAX_MANIFEST_BYTES} bytes")));
    }
    if memchr::memchr_iter(b'{', json).count() + memchr::memchr_iter(b'[', json).count() > MAX_PARTS {
        return Err(invalid(format!("it has more than {MAX_PARTS} objects and lists")));
    }
    read_go_json(json).map_err(|error| invalid(error.to_string()))
}
