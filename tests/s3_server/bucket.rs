//! The contents of the server: objects and unfinished multipart uploads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::express::Session;
use super::failure::{Failure, invalid_argument};
use super::http::Head;

/// A stored object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) data: Arc<Vec<u8>>,
    /// Including the quotes.
    pub(crate) etag: String,
    pub(crate) modified: SystemTime,
    /// Returned with the object: content type, metadata, storage class, encryption.
    pub(crate) headers: Vec<(String, String)>,
}

/// An unfinished multipart upload.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) headers: Vec<(String, String)>,
    /// Each part is sent with its SHA-256, and the completion names it again.
    pub(crate) checksums: bool,
    pub(crate) initiated: SystemTime,
    /// Entity tag and bytes of each part, by part number.
    pub(crate) parts: BTreeMap<u32, (String, Vec<u8>)>,
}

/// The server's only bucket.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) objects: BTreeMap<String, Object>,
    pub(crate) uploads: BTreeMap<String, Upload>,
    pub(crate) uploads_begun: u32,
    /// The sessions with a directory bucket, and how many there were.
    pub(crate) sessions: Vec<Session>,
    pub(crate) sessions_begun: u32,
    pub(crate) writes: u32,
}

impl Object {
    pub(crate) fn new(data: Vec<u8>, headers: Vec<(String, String)>, modified: SystemTime) -> Self {
        Self { etag: etag_of(&data), data: Arc::new(data), modified, headers }
    }

    /// Whether the object must be restored before it can be read.
    pub(crate) fn archived(&self) -> bool {
        ["GLACIER", "DEEP_ARCHIVE"].contains(&self.class())
    }

    pub(crate) fn class(&self) -> &str {
        let class = self.headers.iter().find(|(name, _)| name == "x-amz-storage-class");
        class.map_or("STANDARD", |(_, class)| class)
    }
}

/// Returns a quoted entity tag. It is not an MD5, because clients must treat it as opaque.
pub(crate) fn etag_of(data: &[u8]) -> String {
    format!("\"{}\"", &hex::encode(Sha256::digest(data))[..32])
}

/// Returns the headers of a request that are stored with the object.
pub(crate) fn kept_headers(head: &Head) -> Result<Vec<(String, String)>, Failure> {
    const CLASSES: &[&str] =
        &["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "GLACIER_IR", "DEEP_ARCHIVE"];
    let encryption = head.header("x-amz-server-side-encryption");
    if head.header("x-amz-storage-class").is_some_and(|class| !CLASSES.contains(&class)) {
        return Err(Failure::new(400, "InvalidStorageClass", "The storage class you specified is not valid"));
    }
    if encryption.is_some_and(|algorithm| !["AES256", "aws:kms"].contains(&algorithm)) {
        return Err(invalid_argument("The encryption method specified is not supported"));
    }
    if head.header("x-amz-server-side-encryption-aws-kms-key-id").is_some() && encryption != Some("aws:kms") {
        return Err(invalid_argument("a KMS key needs aws:kms"));
    }
    let kept = |name: &str| {
        ["content-type", "content-encoding", "x-amz-storage-class"].contains(&name)
            || name.starts_with("x-amz-meta-")
            || name.starts_with("x-amz-server-side-encryption")
    };
    let mut headers: Vec<_> = head.headers.iter().filter(|(name, _)| kept(name)).cloned().collect();
    if head.header("content-type").is_none() {
        headers.push(("content-type".into(), "binary/octet-stream".into()));
    }
    headers.retain(|(name, value)| !(name == "x-amz-storage-class" && value == "STANDARD"));
    Ok(headers)
}
