//! `ListMultipartUploads`.

use std::time::SystemTime;

use crate::base::{Element, Error, Result};
use crate::go::Timestamp;
use crate::http::{Method, Response};
use crate::object::{ObjectStore as _, UnfinishedUpload, UploadsPage};
use crate::s3::answer::{Answer, Cause};
use crate::s3::call::Call;
use crate::s3::client::S3Client;
use crate::s3::list_objects::MAX_LIST_BYTES;
use crate::s3::object_meta::age;

/// The upload after which a page begins, as S3 names it. The token of a page is `9:key/of/it` followed by the ID, with
/// the length of the key in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Markers<'a> {
    key: &'a str,
    id: &'a str,
}

impl<'a> Markers<'a> {
    fn token(self) -> String {
        format!("{}:{}{}", self.key.len(), self.key, self.id)
    }

    fn parse(token: &'a str) -> Option<Self> {
        let (length, rest) = token.split_once(':')?;
        let (key, id) = rest.split_at_checked(length.parse().ok()?)?;
        Some(Self { key, id })
    }
}

impl S3Client {
    /// Returns one page of the unfinished uploads to keys that begin with `prefix`.
    pub(super) fn list_multipart_uploads(&self, prefix: &str, continuation: Option<&str>) -> Result<UploadsPage> {
        let invalid = || Error::usage("the continuation token is not from a listing of uploads");
        let markers = continuation.map(|token| Markers::parse(token).ok_or_else(invalid)).transpose()?;
        // Not encoded: SeaweedFS claims to encode keys here, and does not.
        let mut query = vec![("uploads", "")];
        query.extend(self.listed_prefix(prefix).map(|listed| ("prefix", listed)));
        query.extend(markers.map(|Markers { key, .. }| ("key-marker", key)));
        query.extend(markers.filter(|_| self.lists_in_order()).map(|Markers { id, .. }| ("upload-id-marker", id)));
        let call = Call { query: &query, ..Call::new("ListMultipartUploads", Method::Get, None) };
        let page = self.execute(&call, |response| self.listed_uploads(response));
        let mut page = page.map_err(|failed| self.explain(&call, failed))?;
        // Swift lists the upload of `a` under `a/` too, and directory buckets those of the whole directory.
        page.uploads.retain(|upload| upload.key.starts_with(prefix));
        Ok(page)
    }

    fn listed_uploads(&self, mut response: Response) -> std::result::Result<UploadsPage, Cause> {
        let body = response.read(MAX_LIST_BYTES).map_err(Cause::NoAnswer)?;
        let Ok(reply) = Element::parse(&body) else { return Err(Answer::no_document(&response, &body)) };
        let page = uploads_page(&reply, self.server_time(&response), self.lists_in_order());
        page.ok_or_else(|| Cause::Refused(Box::new(Answer::new(&response, &body))))
    }
}

/// Reads the uploads from a `ListMultipartUploadsResult`; `now` is the time by the server's clock. Unless they are in
/// order, the marker of the key alone leads to the next page. Returns `None` for any other document.
fn uploads_page(reply: &Element, now: SystemTime, in_order: bool) -> Option<UploadsPage> {
    if reply.name != "ListMultipartUploadsResult" {
        return None;
    }
    let listed = reply.children.iter().filter(|child| child.name == "Upload");
    let uploads: Vec<_> = listed.filter_map(|upload| unfinished(upload, now)).collect();
    let truncated = reply.child_text("IsTruncated").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let marker = |name: &str| reply.child(name).map(|child| child.text.as_str()).filter(|text| !text.is_empty());
    let continuation = match (marker("NextKeyMarker"), marker("NextUploadIdMarker"), uploads.last()) {
        _ if !truncated => None,
        (Some(key), _, _) if !in_order => Some(Markers { key, id: "" }.token()),
        (Some(key), Some(id), _) => Some(Markers { key, id }.token()),
        (_, _, last) => last.map(|last| Markers { key: &last.key, id: &last.id }.token()),
    };
    Some(UploadsPage::new(uploads, continuation))
}

fn unfinished(upload: &Element, now: SystemTime) -> Option<UnfinishedUpload> {
    let key = upload.child("Key")?.text.clone();
    let id = upload.child("UploadId").filter(|id| !id.text.is_empty())?.text.clone();
    let unfinished = UnfinishedUpload::new(key, id);
    let begun = upload.child_text("Initiated").and_then(|text| text.parse::<Timestamp>().ok());
    Some(match begun.and_then(|begun| Some((begun, begun.to_system_time()?))) {
        Some((begun, time)) => unfinished.initiated(begun, age(time, now)),
        None => unfinished,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_any_key_and_any_id() {
        for (key, id) in [("a", "b"), ("a:1/é", "2:x/+= &"), ("", ""), ("k", "")] {
            let token = Markers { key, id }.token();
            assert_eq!(Markers::parse(&token), Some(Markers { key, id }), "{token}");
        }
        for token in ["", "a", ":", "9:short", "1:é", "-1:a", "x:a"] {
            assert_eq!(Markers::parse(token), None, "{token}");
        }
    }

    #[test]
    fn a_page_without_markers_continues_after_its_last_upload() {
        let page = |more: &str, in_order| {
            let text = format!(
                "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>{more}\
                 <Upload><Key>a/b+c%2F</Key><UploadId>i</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>\
                 </ListMultipartUploadsResult>"
            );
            uploads_page(&Element::parse(text.as_bytes()).unwrap(), SystemTime::UNIX_EPOCH, in_order).unwrap()
        };
        assert_eq!(page("", true).continuation.as_deref(), Some("8:a/b+c%2Fi"));
        let named = page("<NextKeyMarker>a/z</NextKeyMarker><NextUploadIdMarker>j</NextUploadIdMarker>", true);
        assert_eq!(named.continuation.as_deref(), Some("3:a/zj"));
        assert_eq!((named.uploads[0].key.as_str(), named.uploads[0].id.as_str()), ("a/b+c%2F", "i"));
        assert!(named.uploads[0].initiated.is_some());
        let opaque = page("<NextKeyMarker>x/+=</NextKeyMarker><NextUploadIdMarker></NextUploadIdMarker>", false);
        assert_eq!(opaque.continuation.as_deref(), Some("4:x/+="));
    }
}
