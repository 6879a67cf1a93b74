//! The kind of store that a server imitates.

use super::conditions::Conditions;
use super::express::Directory;

/// The kind of store. The defaults are a strict store without peculiarities.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) bucket: String,
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
    /// The path before the bucket, such as `/s3`; empty, or starting with a slash.
    pub(crate) base_path: String,
    /// The domain of virtual hosts: with `localhost`, the host `cache.localhost:1234` is the bucket `cache`.
    pub(crate) domain: Option<String>,
    /// Reject path style, as OSS does.
    pub(crate) virtual_only: bool,
    /// Listen on `[::1]`.
    pub(crate) ipv6: bool,
    /// How far the server's clock is ahead, in seconds.
    pub(crate) clock_ahead: i64,
    /// Accept requests signed at any time.
    pub(crate) any_time: bool,
    /// The caller may not list: listings return 403, and so do missing keys.
    pub(crate) list_denied: bool,
    /// Serve unsigned GET and HEAD requests.
    pub(crate) anonymous_read: bool,
    /// Check bodies against `x-amz-content-sha256`.
    pub(crate) checks_payload: bool,
    /// Accept `UNSIGNED-PAYLOAD`.
    pub(crate) unsigned_payload: bool,
    /// Honour `encoding-type=url`.
    pub(crate) encodes_listings: bool,
    /// The maximum number of keys on a page of a listing.
    pub(crate) page_size: usize,
    /// A copy of an object onto itself does not change Last-Modified.
    pub(crate) copy_keeps_age: bool,
    /// DELETE of a missing key returns 404, as Google's does.
    pub(crate) delete_missing_is_404: bool,
    /// The maximum size of one PUT, in bytes.
    pub(crate) max_put: u64,
    /// The maximum size of the source of one copy, in bytes.
    pub(crate) max_copy: u64,
    /// The minimum size of a part, in bytes, except the last. All except the last must be of equal size, as on R2.
    pub(crate) min_part: u64,
    /// Support UploadPartCopy, which Google does not.
    pub(crate) copies_parts: bool,
    /// What it does with `If-Match` and `If-None-Match` of writes and deletions.
    pub(crate) conditions: Conditions,
    /// Serve only requests whose sender pays.
    pub(crate) requester_pays: bool,
    /// The account that owns the bucket.
    pub(crate) owner: String,
    /// The rules of the lifecycle configuration. Without any, the caller may not read them.
    pub(crate) lifecycle: Option<String>,
    /// Object Lock is on by default: every write needs a checksum.
    pub(crate) object_lock: bool,
    /// The bucket is a directory bucket.
    pub(crate) directory: Option<Directory>,
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    /// If present, required in every request.
    pub(crate) session_token: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bucket: "cache".into(),
            region: "eu-test-1".into(),
            credentials: Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None),
            base_path: String::new(),
            domain: None,
            virtual_only: false,
            ipv6: false,
            clock_ahead: 0,
            any_time: false,
            list_denied: false,
            anonymous_read: false,
            checks_payload: true,
            unsigned_payload: false,
            encodes_listings: true,
            page_size: 1000,
            copy_keeps_age: false,
            delete_missing_is_404: false,
            max_put: 5 << 30,
            max_copy: 5 << 30,
            min_part: 5 << 20,
            copies_parts: true,
            conditions: Conditions::Checked,
            requester_pays: false,
            owner: "111122223333".into(),
            lifecycle: None,
            object_lock: false,
            directory: None,
        }
    }
}

impl Config {
    /// The service that signatures are for.
    pub(crate) fn service(&self) -> &'static str {
        if self.directory.is_some() { "s3express" } else { "s3" }
    }

    /// A directory bucket.
    pub(crate) fn directory(directory: Directory) -> Self {
        Self {
            bucket: "ci-cache--use1-az4--x-s3".into(),
            region: "us-east-1".into(),
            directory: Some(directory),
            ..Self::default()
        }
    }
}

impl Credentials {
    pub(crate) fn new(access_key_id: &str, secret_access_key: &str, session_token: Option<&str>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: session_token.map(str::to_owned),
        }
    }
}
