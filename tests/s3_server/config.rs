//! What kind of store a server is.

/// The store to be: the defaults are a strict one without oddities.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) bucket: String,
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
    /// What precedes the bucket in the path, such as `/s3`; empty or beginning with a slash.
    pub(crate) base_path: String,
    /// The domain under which a bucket is a host name: with `localhost`, `cache.localhost:1234` is the bucket `cache`.
    pub(crate) domain: Option<String>,
    /// Refuse path style, as OSS does.
    pub(crate) virtual_only: bool,
    /// Listen on `[::1]`.
    pub(crate) ipv6: bool,
    /// How far the server's clock is ahead, in seconds.
    pub(crate) clock_ahead: i64,
    /// The caller may not list: listings are 403, and so are missing keys.
    pub(crate) list_denied: bool,
    /// Unsigned GET and HEAD are served.
    pub(crate) anonymous_read: bool,
    /// Compare bodies with `x-amz-content-sha256`.
    pub(crate) checks_payload: bool,
    /// Accept `UNSIGNED-PAYLOAD`.
    pub(crate) unsigned_payload: bool,
    /// Honour `encoding-type=url`.
    pub(crate) encodes_listings: bool,
    /// The most keys on a page of a listing.
    pub(crate) page_size: usize,
    /// A copy onto itself leaves Last-Modified alone.
    pub(crate) copy_keeps_age: bool,
    /// DELETE of a missing key is 404, as Google has it.
    pub(crate) delete_missing_is_404: bool,
    /// The largest object of one PUT, in bytes.
    pub(crate) max_put: u64,
    /// The largest source of one copy, in bytes.
    pub(crate) max_copy: u64,
    /// The smallest part but for the last, in bytes. All but the last must be equal in any case, as R2 has it.
    pub(crate) min_part: u64,
    /// UploadPartCopy is there, as it is not with Google.
    pub(crate) copies_parts: bool,
    /// Only those are served who pay themselves.
    pub(crate) requester_pays: bool,
    /// The account that the bucket belongs to.
    pub(crate) owner: String,
    /// Objects are locked by default: what is written needs a checksum.
    pub(crate) object_lock: bool,
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    /// Required of every request when there is one.
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
            requester_pays: false,
            owner: "111122223333".into(),
            object_lock: false,
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
