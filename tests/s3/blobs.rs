//! Caches of generated blobs, with small limits for parts and ranges.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex};

use s3_build_cache::cache_config::{Annotations, CacheConfigBuilder};
use s3_build_cache::object::BlobSource;
use s3_build_cache::program::Tuning;
use s3_build_cache::progress::{Action, Event, Progress};
use s3_build_cache::{CacheConfig, Digest, Result, S3Cache};

use crate::s3::builder;
use crate::s3_server::{Config, Server};

/// The size of parts and ranges.
pub(crate) const PART: usize = 64 * 1024;

/// Transfers blobs larger than a part in parts and ranges.
pub(crate) fn small_parts() -> Tuning {
    let part = PART as u64;
    Tuning { split_above: part, part_size: part, range_size: part, max_copy: u64::MAX, ..Tuning::default() }
}

/// A server that accepts such small parts.
pub(crate) fn server() -> Server {
    Server::with(config())
}

pub(crate) fn config() -> Config {
    Config { min_part: PART as u64, ..Config::default() }
}

pub(crate) fn cut(server: &Server, more: &str) -> S3Cache {
    builder(server, more).tuning(small_parts()).open().unwrap()
}

/// Blobs in memory, and the config of a cache with these layers.
pub(crate) struct Blobs {
    pub(crate) bytes: HashMap<Digest, Vec<u8>>,
    pub(crate) config: CacheConfig,
}

impl Blobs {
    /// Returns one blob of each size.
    pub(crate) fn of(sizes: &[usize]) -> Self {
        Self::seeded(0, sizes)
    }

    /// Same as [`of`](Self::of), with different bytes for each seed.
    pub(crate) fn seeded(seed: u32, sizes: &[usize]) -> Self {
        Self::new(sizes.iter().zip(seed + 1..).map(|(size, seed)| noise(seed, *size)).collect())
    }

    pub(crate) fn new(blobs: Vec<Vec<u8>>) -> Self {
        let bytes: HashMap<Digest, Vec<u8>> = blobs.into_iter().map(|bytes| (Digest::of(&bytes), bytes)).collect();
        let mut builder = CacheConfigBuilder::new();
        for (digest, bytes) in &bytes {
            let created_at = "2026-01-02T03:04:05Z".parse().unwrap();
            let annotations = Annotations {
                media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
                diff_id: *digest,
                size: bytes.len() as u64,
                created_at,
            };
            let layer = builder.layer(*digest, None, annotations);
            let record = builder.record(digest.to_string(), []);
            builder.result(record, layer, created_at);
        }
        Self { bytes, config: builder.build().unwrap() }
    }

    /// Adds another blob.
    #[cfg(feature = "cli")]
    pub(crate) fn and(self, blob: Vec<u8>) -> Self {
        Self::new(self.bytes.into_values().chain([blob]).collect())
    }

    /// Returns the digest of the only blob, or of any one of them.
    pub(crate) fn digest(&self) -> Digest {
        *self.bytes.keys().next().unwrap()
    }

    pub(crate) fn key(&self) -> String {
        format!("blobs/{}", self.digest())
    }

    /// Stores the blobs and their manifest on the server.
    pub(crate) fn put_into(&self, server: &Server) {
        for (digest, bytes) in &self.bytes {
            server.put_object(&format!("blobs/{digest}"), bytes);
        }
        server.put_object("manifests/buildkit", &self.config.to_s3_json());
    }

    #[track_caller]
    pub(crate) fn are_in(&self, server: &Server) {
        for (digest, bytes) in &self.bytes {
            let stored = server.object(&format!("blobs/{digest}"));
            assert!(stored.as_ref() == Some(bytes), "{digest}: {:?}", stored.map(|bytes| bytes.len()));
        }
    }
}

/// Returns pseudo-random bytes that are the same in every run.
pub(crate) fn noise(seed: u32, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(next).take(size).collect()
}

impl BlobSource for Blobs {
    fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        Ok(self.bytes.get(digest).map(|bytes| bytes.len() as u64))
    }

    fn open_blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.bytes[digest].clone())))
    }
}

/// Records the progress of each blob, in order.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) events: Mutex<Vec<(Digest, Heard)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Started(Action),
    Advanced(u64),
    Finished(Action),
}

impl Told {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Asserts that the progress of a blob rises after each start and ends with its size.
    #[track_caller]
    pub(crate) fn is_right(&self, digest: &Digest, size: u64, starts: usize) {
        let events = self.events.lock().unwrap();
        let heard: Vec<Heard> = events.iter().filter(|(of, _)| of == digest).map(|(_, heard)| *heard).collect();
        assert!(matches!(heard.first(), Some(Heard::Started(_))), "{heard:?}");
        assert!(matches!(heard.last(), Some(Heard::Finished(_))), "{heard:?}");
        assert_eq!(heard.iter().filter(|heard| matches!(heard, Heard::Started(_))).count(), starts);
        let mut current = 0;
        for heard in &heard {
            match heard {
                Heard::Started(_) => current = 0,
                Heard::Advanced(now) => {
                    assert!(*now >= current && *now <= size, "{now} after {current} of {size}");
                    current = *now;
                }
                Heard::Finished(_) => assert_eq!(current, size),
            }
        }
    }
}

impl Progress for Told {
    fn event(&self, event: &Event<'_>) {
        let (digest, heard) = match event {
            Event::Started { digest, action, .. } => (digest, Heard::Started(*action)),
            Event::Advanced { digest, current, .. } => (digest, Heard::Advanced(*current)),
            Event::Finished { digest, action, .. } => (digest, Heard::Finished(*action)),
            _ => return,
        };
        self.events.lock().unwrap().push((**digest, heard));
    }
}
