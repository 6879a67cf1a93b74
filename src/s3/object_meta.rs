//! The metadata of an object, from the headers of a response.

use std::time::{Duration, SystemTime};

use crate::go::Timestamp;
use crate::http::Response;
use crate::http::parse_http_date;
use crate::object::{ObjectMeta, Version};

/// Reads the metadata. `header` returns the trimmed value of a header; `now` is the time by the server's clock.
pub(crate) fn object_meta<'a>(size: u64, header: impl Fn(&str) -> Option<&'a str>, now: SystemTime) -> ObjectMeta {
    let restored = header("x-amz-restore").is_some_and(|value| value.contains("ongoing-request=\"false\""));
    let archived = header("x-amz-storage-class").is_some_and(is_archive);
    let mut meta = ObjectMeta::new(size);
    meta.readable = !archived || restored;
    meta.version = header("etag").map(Version::new);
    match header("last-modified").and_then(parse_http_date) {
        Some(modified) => meta.modified(Timestamp::from(modified), age(modified, now)),
        None => meta,
    }
}

/// Returns the version in a response, if it contains one.
pub(super) fn version(response: &Response) -> Option<Version> {
    response.header("etag").map(Version::new)
}

/// Returns the version in an XML document. There, some stores omit the quotes that headers have.
pub(super) fn version_in_document(text: &str) -> Version {
    let has_quotes = text.starts_with('"') || text.starts_with("W/") || text.is_empty();
    Version::new(if has_quotes { text.to_owned() } else { format!("\"{text}\"") })
}

/// Returns the time since `then`; zero if that is in the future.
pub(super) fn age(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

/// Returns whether objects of this storage class must be restored before they can be read.
pub(super) fn is_archive(storage_class: &str) -> bool {
    matches!(storage_class, "GLACIER" | "DEEP_ARCHIVE")
}
