//! Multipart uploads.

use super::bucket::Bucket;
use super::handlers::{Answer, metadata};
use super::head::Head;
use super::text::{document, element};

/// Returns the response to a request of a multipart upload; `received` is the size of its body.
pub(super) fn answer(bucket: &mut Bucket, head: &Head, received: u64) -> Option<Answer> {
    let upload = head.parameter("uploadId");
    Some(match (head.method.as_str(), upload) {
        ("POST", None) if head.parameter("uploads").is_some() => {
            let id = bucket.begin(head.key(), metadata(head));
            let inner = element("Bucket", "bench") + &element("Key", head.key()) + &element("UploadId", &id);
            Answer::xml(document("InitiateMultipartUploadResult", &inner))
        }
        ("PUT", Some(id)) => {
            let number = head.parameter("partNumber").and_then(|number| number.parse().ok())?;
            if bucket.part(id, number, received) {
                Answer::new(200).header("etag", format!("\"{number:032x}\""))
            } else {
                Answer::error(404, "NoSuchUpload")
            }
        }
        ("POST", Some(id)) => match bucket.complete(id) {
            Some(object) => {
                let inner = element("Bucket", "bench") + &element("Key", head.key()) + &element("ETag", &object.etag());
                Answer::xml(document("CompleteMultipartUploadResult", &inner))
            }
            None => Answer::error(404, "NoSuchUpload"),
        },
        ("DELETE", Some(id)) => {
            bucket.abort(id);
            Answer::new(204)
        }
        _ => return None,
    })
}
