//! The operations on one object: HEAD, GET, PUT, copy, DELETE.

use std::ops::Range;

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use super::bucket::{Bucket, Object, kept_headers};
use super::clock::{http_date, iso};
use super::conditions::{check_delete, check_write};
use super::express;
use super::failure::{Failure, access_denied, invalid_argument, no_such_bucket, no_such_key, precondition_failed};
use super::handlers::Call;
use super::http::Response;
use super::text::{percent_decode, percent_encode, xml, xml_document};

/// HEAD and GET.
pub(crate) fn read(call: &Call<'_>, bucket: &Bucket) -> Result<Response, Failure> {
    let object = find(call, bucket, &call.route.key)?;
    if call.head.header("if-match").is_some_and(|tag| tag != "*" && tag != object.etag) {
        return Err(precondition_failed("If-Match"));
    }
    if call.head.header("if-none-match").is_some_and(|tag| tag == "*" || tag == object.etag) {
        return Ok(Response::new(304).with("etag", &object.etag));
    }
    let to_head = call.head.method == "HEAD";
    if object.archived() && !to_head {
        let message = "The operation is not valid for the object's storage class";
        return Err(Failure::new(403, "InvalidObjectState", message));
    }
    let size = object.data.len();
    let range = call.head.header("range").and_then(|range| parse_range(range, size));
    let mut response = Response::new(200);
    let bytes = match range {
        None => 0..size,
        Some(None) => {
            return Err(Failure::new(416, "InvalidRange", "The requested range is not satisfiable")
                .detail("ActualObjectSize", &size.to_string())
                .header("content-range", &format!("bytes */{size}")));
        }
        Some(Some(range)) => {
            response.status = 206;
            response.set("content-range", &format!("bytes {}-{}/{size}", range.start, range.end - 1));
            range
        }
    };
    response.headers.extend(object.headers.clone());
    response.set("etag", &object.etag);
    response.set("last-modified", &http_date(object.modified));
    response.set("accept-ranges", "bytes");
    response.set("content-length", &bytes.len().to_string());
    if !to_head {
        response.body = object.data[bytes].to_vec();
    }
    Ok(response)
}

/// Returns `None` if S3 ignores the range and sends the whole object, `Some(None)` if the range is unsatisfiable.
fn parse_range(value: &str, size: usize) -> Option<Option<Range<usize>>> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    if first.is_empty() {
        let length: usize = last.parse().ok()?;
        return Some((length > 0 && size > 0).then(|| size.saturating_sub(length)..size));
    }
    let first: usize = first.parse().ok()?;
    let last = if last.is_empty() { usize::MAX } else { last.parse().ok()? };
    if last < first {
        return None;
    }
    Some((first < size).then(|| first..last.saturating_add(1).min(size)))
}

/// Returns the object, or the error for a missing one: without permission to list, the caller may not learn that it
/// is missing.
pub(crate) fn find<'a>(call: &Call<'_>, bucket: &'a Bucket, key: &str) -> Result<&'a Object, Failure> {
    let missing = || if call.config.list_denied { access_denied() } else { no_such_key(key) };
    bucket.objects.get(key).ok_or_else(missing)
}

pub(crate) fn put(call: &Call<'_>, bucket: &mut Bucket) -> Result<Response, Failure> {
    check_checksum(call, "Object")?;
    check_size(call.body.len() as u64, call.config.max_put)?;
    check_write(call, bucket)?;
    let mut object = Object::new(call.body.to_vec(), kept_headers(call.head)?, call.now);
    if call.config.directory.is_some() {
        object.etag = express::fresh_etag(bucket);
        object.headers.extend(express::encryption(call, bucket));
    }
    let response = Response::new(200).with("etag", &object.etag);
    bucket.objects.insert(call.route.key.clone(), object);
    Ok(response)
}

/// With Object Lock, requires a correct checksum.
pub(crate) fn check_checksum(call: &Call<'_>, what: &str) -> Result<(), Failure> {
    let sent = call.head.header("x-amz-checksum-sha256");
    match sent {
        None if call.config.object_lock => {
            let message = format!(
                "Content-MD5 OR x-amz-checksum- HTTP header is required for Put {what} requests with Object Lock \
                 parameters"
            );
            Err(Failure::new(400, "InvalidRequest", &message))
        }
        Some(sent) if sent != checksum_of(call.body) => {
            Err(Failure::new(400, "BadDigest", "The SHA256 you specified did not match the calculated checksum."))
        }
        _ => Ok(()),
    }
}

pub(crate) fn checksum_of(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(Sha256::digest(bytes))
}

pub(crate) fn check_size(size: u64, max: u64) -> Result<(), Failure> {
    if size <= max {
        return Ok(());
    }
    Err(Failure::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
        .detail("ProposedSize", &size.to_string())
        .detail("MaxSizeAllowed", &max.to_string()))
}

pub(crate) fn copy(call: &Call<'_>, bucket: &mut Bucket) -> Result<Response, Failure> {
    let key = copy_source(call)?;
    let source = find(call, bucket, &key)?.clone();
    check_copy_conditions(call, &source)?;
    let replace = match call.head.header("x-amz-metadata-directive") {
        None | Some("COPY") => false,
        Some("REPLACE") => true,
        Some(_) => return Err(invalid_argument("Unknown metadata directive.")),
    };
    if key == call.route.key && !replace {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing \
                       the object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(Failure::new(400, "InvalidRequest", message));
    }
    if source.data.len() as u64 > call.config.max_copy {
        let message = "The specified copy source is larger than the maximum allowable size for a copy source";
        return Err(Failure::new(400, "InvalidRequest", message));
    }
    let headers = if replace { kept_headers(call.head)? } else { source.headers.clone() };
    let keeps_age = call.config.copy_keeps_age && key == call.route.key;
    let modified = if keeps_age { source.modified } else { call.now };
    let mut object = Object { headers, modified, ..source };
    if call.config.directory.is_some() {
        object.etag = express::fresh_etag(bucket);
    }
    let inner = xml("LastModified", &iso(object.modified)) + &xml("ETag", &object.etag);
    bucket.objects.insert(call.route.key.clone(), object);
    Ok(Response::new(200).with("content-type", "application/xml").with_body(xml_document("CopyObjectResult", &inner)))
}

/// Returns the key in `x-amz-copy-source`, which is percent-encoded and also names the bucket.
pub(crate) fn copy_source(call: &Call<'_>) -> Result<String, Failure> {
    if !call.body.is_empty() {
        return Err(Failure::new(400, "InvalidRequest", "a copy has no body"));
    }
    let raw = call.head.header("x-amz-copy-source").unwrap_or_default();
    let decoded = percent_decode(raw).filter(|decoded| percent_encode(decoded, "/") == raw);
    let decoded = decoded.ok_or_else(|| invalid_argument("x-amz-copy-source is not encoded as it must be"))?;
    let (bucket, key) = decoded
        .trim_start_matches('/')
        .split_once('/')
        .ok_or_else(|| invalid_argument("Copy Source must mention the source bucket and key"))?;
    if bucket != call.config.bucket {
        return Err(no_such_bucket(bucket));
    }
    Ok(key.to_owned())
}

pub(crate) fn check_copy_conditions(call: &Call<'_>, source: &Object) -> Result<(), Failure> {
    if call.head.header("x-amz-copy-source-if-match").is_some_and(|tag| tag != source.etag) {
        return Err(precondition_failed("x-amz-copy-source-If-Match"));
    }
    if source.archived() {
        return Err(Failure::new(403, "InvalidObjectState", "The source object is archived"));
    }
    Ok(())
}

pub(crate) fn delete(call: &Call<'_>, bucket: &mut Bucket) -> Result<Response, Failure> {
    check_delete(call, bucket)?;
    match bucket.objects.remove(&call.route.key) {
        None if call.config.delete_missing_is_404 => Err(no_such_key(&call.route.key)),
        _ => Ok(Response::new(204)),
    }
}
