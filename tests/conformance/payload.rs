//! Payloads that differ from what they announce: nothing is stored, and the old object stays.

use std::io::{self, Cursor, Read};

use s3_build_cache::object::{ObjectStore, Payload, PutMode};
use s3_build_cache::{Digest, ErrorKind};

use super::{Quirks, put, whole};

/// Yields bytes other than those announced.
struct Liar {
    size: u64,
    sha256: Digest,
    bytes: &'static [u8],
    breaks: bool,
}

/// Fails at the end instead of ending.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::InvalidData, "the local blob is damaged"))
    }
}

impl Payload for Liar {
    fn size(&self) -> u64 {
        self.size
    }

    fn sha256(&self) -> io::Result<Digest> {
        Ok(self.sha256)
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let bytes = Cursor::new(self.bytes);
        Ok(if self.breaks { Box::new(bytes.chain(Broken)) } else { Box::new(bytes) })
    }
}

/// The announced number of bytes, but different ones.
pub(super) fn another() -> impl Payload {
    Liar { size: 12, sha256: Digest::of(b"twelve bytes"), bytes: b"Twelve bytes", breaks: false }
}

pub(super) fn run(store: &dyn ObjectStore, quirks: &Quirks, prefix: &str) {
    let whole_hash = Digest::of(b"twelve bytes");
    let liar = |size, bytes| Liar { size, sha256: whole_hash, bytes, breaks: false };
    let mut liars = vec![
        ("too short", liar(12, &b"twelve"[..])),
        ("empty", liar(12, b"")),
        ("broken", Liar { breaks: true, ..liar(12, b"twelve byte") }),
    ];
    if !quirks.does_not_check_payload_hash {
        liars.push(("another", liar(12, b"Twelve bytes")));
        liars.push(("too long", liar(6, b"twelve bytes")));
        liars.push(("not empty", Liar { sha256: Digest::of(b"x"), ..liar(0, b"") }));
    }
    let (new, old) = (format!("{prefix}payload/new"), format!("{prefix}payload/old"));
    put(store, &old, b"old");
    for (name, liar) in &liars {
        for key in [&new, &old] {
            let error = store.put(key, liar, &PutMode::Overwrite).expect_err(name);
            if matches!(*name, "another" | "broken") {
                assert_eq!(error.kind(), ErrorKind::Integrity, "{name}: {}", error.chain());
            }
        }
        assert_eq!(store.head(&new).unwrap(), None, "{name}");
        assert_eq!(whole(store, &old).unwrap(), b"old", "{name}");
    }
    // The broken connection is not reused.
    put(store, &new, b"new");
    assert_eq!(whole(store, &new).unwrap(), b"new");
}
