//! `ListObjectsV2`.

use std::time::SystemTime;

use crate::base::{Element, Result, percent_decode};
use crate::go::Timestamp;
use crate::http::{Method, Response};
use crate::object::{ListOptions, ListPage, ListedObject, ObjectMeta, ObjectStore as _};
use crate::s3::answer::{Answer, Cause};
use crate::s3::call::Call;
use crate::s3::client::S3Client;
use crate::s3::explain::refuses_keys;
use crate::s3::object_meta::{age, is_archive, version_in_document};

/// Enough for a thousand objects with keys of 1,024 bytes, every byte escaped.
pub(super) const MAX_LIST_BYTES: u64 = 4 * 1024 * 1024;

impl S3Client {
    /// Returns one page of the objects whose keys begin with `prefix`.
    pub(super) fn list_objects(&self, prefix: &str, options: &ListOptions) -> Result<ListPage> {
        let max_keys = options.max_keys.map(|max| max.to_string());
        let (in_order, listed) = (self.lists_in_order(), self.listed_prefix(prefix));
        let mut query = vec![("list-type", "2"), ("encoding-type", "url")];
        query.extend(listed.map(|listed| ("prefix", listed)));
        query.extend(max_keys.as_deref().map(|max| ("max-keys", max)));
        query.extend(match (&options.continuation, &options.start_after) {
            (Some(token), _) => Some(("continuation-token", token.as_str())),
            (None, Some(key)) if in_order => Some(("start-after", key.as_str())),
            (None, _) => None,
        });
        let call = Call { query: &query, ..list_call() };
        let mut page = self.execute(&call, |response| self.listed(response, listed.unwrap_or_default()));
        if let Ok(page) = &mut page
            && !in_order
        {
            let start = options.start_after.as_ref().filter(|_| options.continuation.is_none());
            page.objects
                .retain(|object| object.key.starts_with(prefix) && start.is_none_or(|start| object.key > *start));
        }
        if page.is_ok() {
            self.learnt.may_list.set(true);
        }
        page.map_err(|failed| self.explain(&call, failed))
    }

    /// Returns the prefix to list for the keys that begin with `prefix`: a directory bucket lists only directories.
    pub(super) fn listed_prefix<'a>(&self, prefix: &'a str) -> Option<&'a str> {
        match self.lists_in_order() {
            true => Some(prefix),
            false => prefix.rfind('/').and_then(|end| prefix.get(..=end)),
        }
    }

    /// Checks that the bucket exists and the credentials are valid. A missing permission to list is not an error.
    pub(super) fn probe_bucket(&self) -> Result<()> {
        let call = Call { query: &[("list-type", "2"), ("max-keys", "1")], ..list_call() };
        match self.execute(&call, |response| self.listed(response, "").map(|_| ())) {
            Ok(()) => Ok(()),
            Err(failed) => match &failed.cause {
                // Listings are forbidden or not supported: only access to the objects matters.
                Cause::Refused(answer)
                    if answer.has_code(&["AccessDenied", "AllAccessDisabled"])
                        || (answer.status == 403 && !refuses_keys(answer) && !answer.foreign)
                        || (matches!(answer.status, 405 | 501) && !answer.foreign) =>
                {
                    Ok(())
                }
                _ => Err(self.explain(&call, failed)),
            },
        }
    }

    fn listed(&self, mut response: Response, prefix: &str) -> std::result::Result<ListPage, Cause> {
        let body = response.read(MAX_LIST_BYTES).map_err(Cause::NoAnswer)?;
        let Ok(reply) = Element::parse(&body) else { return Err(Answer::no_document(&response, &body)) };
        let page = list_page(&reply, prefix, self.server_time(&response));
        page.ok_or_else(|| Cause::Refused(Box::new(Answer::new(&response, &body))))
    }
}

/// Reads the objects under `prefix` from a `ListBucketResult`; `now` is the time by the server's clock. Returns `None`
/// for any other document.
pub(crate) fn list_page(reply: &Element, prefix: &str, now: SystemTime) -> Option<ListPage> {
    if reply.name != "ListBucketResult" {
        return None;
    }
    let encoded = reply.child_text("EncodingType") == Some("url");
    let contents = || reply.children.iter().filter(|child| child.name == "Contents");
    let objects: Vec<_> = contents().filter_map(|object| listed_object(object, prefix, encoded, now)).collect();
    let truncated = reply.child_text("IsTruncated").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let token = reply.child_text("NextContinuationToken").filter(|token| truncated && !token.is_empty());
    // A store may report that there is more but not how to get it, or list objects that cannot be read.
    let incomplete = (truncated && token.is_none()) || objects.len() < contents().count();
    Some(ListPage { incomplete, ..ListPage::new(objects, token.map(str::to_owned)) })
}

fn listed_object(object: &Element, prefix: &str, encoded: bool, now: SystemTime) -> Option<ListedObject> {
    let key = decode(&object.child("Key")?.text, prefix, encoded);
    let mut meta = ObjectMeta::new(object.child_text("Size")?.parse().ok()?);
    meta.readable = !object.child_text("StorageClass").is_some_and(is_archive);
    meta.version = object.child_text("ETag").map(version_in_document);
    let modified = object.child_text("LastModified").and_then(|text| text.parse::<Timestamp>().ok());
    if let Some((modified, time)) = modified.and_then(|modified| Some((modified, modified.to_system_time()?))) {
        meta = meta.modified(modified, age(time, now));
    }
    Some(ListedObject::new(key, meta))
}

fn list_call() -> Call<'static> {
    Call::new("ListObjectsV2", Method::Get, None)
}

/// Decodes a key. Some stores claim that keys are encoded but do not encode them: then only the raw key has the
/// requested prefix.
fn decode(key: &str, prefix: &str, encoded: bool) -> String {
    let decoded = if encoded { percent_decode(key, true) } else { None };
    match decoded {
        Some(decoded) if decoded.starts_with(prefix) || !key.starts_with(prefix) => decoded,
        _ => key.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_unless_they_were_not_encoded() {
        for (key, prefix, encoded, decoded) in [
            ("a%2Fb+c%2B", "a/", true, "a/b c+"),
            ("a/b%20c", "a/", true, "a/b c"),
            ("a+b/x", "a+b/", true, "a+b/x"),
            ("a%2Bb/x", "a+b/", true, "a+b/x"),
            ("a%b/x", "a%b/", true, "a%b/x"),
            ("a%20b", "", false, "a%20b"),
        ] {
            assert_eq!(decode(key, prefix, encoded), decoded, "{key}");
        }
    }
}
