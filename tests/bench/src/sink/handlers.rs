//! The S3 requests that the clients send.

use std::io;

use super::Sink;
use super::bucket::{Bucket, Content, KEPT, Object};
use super::clock::{imf, iso};
use super::head::Head;
use super::inbound::Inbound;
use super::listing;
use super::multipart;
use super::text::{document, element};
use super::wire::Wire;

pub(super) enum Body {
    Bytes(Vec<u8>),
    Pattern { offset: u64, size: u64 },
}

impl Body {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Pattern { size, .. } => *size,
        }
    }
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
}

impl Answer {
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Bytes(Vec::new()) }
    }

    pub(super) fn xml(body: Vec<u8>) -> Self {
        Self { body: Body::Bytes(body), ..Self::new(200) }.header("content-type", "application/xml")
    }

    pub(super) fn error(status: u16, code: &str) -> Self {
        let inner = element("Code", code) + &element("Message", "The sink has no such thing.");
        Self { status, ..Self::xml(document("Error", &inner)) }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// Reads the rest of the request and returns the response.
pub(super) fn answer(sink: &Sink, head: &Head, inbound: &mut Inbound<Wire>) -> io::Result<Answer> {
    let key = head.key();
    if head.method == "PUT" && key.contains(KEPT) && head.parameter("uploadId").is_none() {
        let body = unwrapped(head, inbound.keep(head.framing())?);
        let object = Object::new(body.len() as u64, Content::Kept(body));
        return Ok(put(&mut bucket(sink), head, object));
    }
    let received = inbound.discard(head.framing(), &mut sink.pace())?;
    let received = head.decoded_length().unwrap_or(received);
    let mut bucket = bucket(sink);
    if let Some(answer) = multipart::answer(&mut bucket, head, received) {
        return Ok(answer);
    }
    Ok(match head.method.as_str() {
        "GET" if key.is_empty() && head.parameter("location").is_some() => {
            Answer::xml(document("LocationConstraint", ""))
        }
        "GET" if key.is_empty() => listing::answer(&bucket, head),
        "HEAD" if key.is_empty() => Answer::new(200).header("x-amz-bucket-region", "us-east-1"),
        "PUT" if key.is_empty() => Answer::new(200),
        "GET" | "HEAD" => get(&bucket, head),
        "PUT" if head.header("x-amz-copy-source").is_some() => touch(&mut bucket, head),
        "PUT" => put(&mut bucket, head, Object::new(received, Content::Pattern(0))),
        "DELETE" => {
            bucket.objects.remove(key);
            Answer::new(204)
        }
        _ => Answer::error(501, "NotImplemented"),
    })
}

pub(super) fn bucket(sink: &Sink) -> std::sync::MutexGuard<'_, Bucket> {
    sink.bucket.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(super) fn metadata(head: &Head) -> Vec<(String, String)> {
    let mine = head.headers().filter(|(name, _)| name.starts_with("x-amz-meta-"));
    mine.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn put(bucket: &mut Bucket, head: &Head, object: Object) -> Answer {
    let object = Object { metadata: metadata(head), ..object };
    let etag = object.etag();
    bucket.objects.insert(head.key().to_owned(), object);
    Answer::new(200).header("etag", etag)
}

/// Returns the response to a copy, which is always a copy of an object onto itself.
fn touch(bucket: &mut Bucket, head: &Head) -> Answer {
    let Some(object) = bucket.objects.get_mut(head.key()) else { return Answer::error(404, "NoSuchKey") };
    object.modified = std::time::SystemTime::now();
    let inner = element("LastModified", &iso(object.modified)) + &element("ETag", &object.etag());
    Answer::xml(document("CopyObjectResult", &inner))
}

fn get(bucket: &Bucket, head: &Head) -> Answer {
    let Some(object) = bucket.objects.get(head.key()) else { return Answer::error(404, "NoSuchKey") };
    let Some(range) = head.range(object.size) else { return Answer::error(416, "InvalidRange") };
    let (start, end) = range.unwrap_or((0, object.size));
    let body = match &object.content {
        Content::Pattern(offset) => Body::Pattern { offset: offset + start, size: end - start },
        Content::Kept(bytes) => Body::Bytes(bytes[start as usize..end as usize].to_vec()),
    };
    let answer = match range {
        None => Answer::new(200),
        Some(_) => Answer::new(206).header("content-range", format!("bytes {start}-{}/{}", end - 1, object.size)),
    };
    let answer = answer
        .header("content-type", "application/octet-stream")
        .header("accept-ranges", "bytes")
        .header("etag", object.etag())
        .header("last-modified", imf(object.modified));
    let answer = object.metadata.iter().fold(answer, |answer, (name, value)| answer.header(name, value));
    Answer { body, ..answer }
}

/// Returns the payload of a body in the framing of the SDKs: sizes in hex, signatures, a trailer.
fn unwrapped(head: &Head, body: Vec<u8>) -> Vec<u8> {
    let framed = head.header("content-encoding").is_some_and(|value| value.contains("aws-chunked"))
        || head.header("x-amz-content-sha256").is_some_and(|value| value.starts_with("STREAMING-"));
    if !framed {
        return body;
    }
    let mut out = Vec::new();
    let mut rest = body.as_slice();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..end]);
        let size = size.split(';').next().and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok());
        let Some(chunk) = size.filter(|size| *size > 0).and_then(|size| rest.get(end + 2..end + 2 + size)) else {
            break;
        };
        out.extend_from_slice(chunk);
        rest = rest.get(end + 2 + chunk.len() + 2..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        Head::parse(format!("{text}\r\n\r\n").as_bytes()).unwrap()
    }

    #[test]
    fn the_framing_of_the_sdks_is_removed() {
        let framed = head("PUT /b/k HTTP/1.1\r\nContent-Encoding: aws-chunked");
        let body = b"3;chunk-signature=00\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:AA==\r\n\r\n".to_vec();
        assert_eq!(unwrapped(&framed, body.clone()), b"abcde");
        assert_eq!(unwrapped(&head("PUT /b/k HTTP/1.1"), body.clone()), body);
    }

    #[test]
    fn ranges_of_both_kinds_of_content() {
        let mut bucket = Bucket::default();
        bucket.objects.insert("p".to_owned(), Object::new(10, Content::Pattern(100)));
        bucket.objects.insert("k".to_owned(), Object::new(3, Content::Kept(b"abc".to_vec())));
        let answer = get(&bucket, &head("GET /b/p HTTP/1.1\r\nRange: bytes=4-"));
        assert!(matches!(answer.body, Body::Pattern { offset: 104, size: 6 }));
        assert_eq!(answer.status, 206);
        let answer = get(&bucket, &head("GET /b/k HTTP/1.1\r\nRange: bytes=1-1"));
        assert!(matches!(answer.body, Body::Bytes(bytes) if bytes == b"b"));
        assert_eq!(get(&bucket, &head("GET /b/k HTTP/1.1\r\nRange: bytes=3-")).status, 416);
        assert_eq!(get(&bucket, &head("GET /b/none HTTP/1.1")).status, 404);
    }
}
