//! `ListObjectsV2`.

use std::sync::atomic::Ordering;
use std::time::SystemTime;

use crate::base::{Element, Result, percent_decode};
use crate::go::Timestamp;
use crate::http::{Method, Response};
use crate::s3::answer::{Answer, Cause};
use crate::s3::client::{Call, Client};
use crate::s3::head_object::{Head, is_archive};

/// Enough for a thousand objects with keys of 1,024 bytes, every byte escaped.
const MAX_LIST_BYTES: u64 = 4 * 1024 * 1024;

/// Refusals (403) of every request that is signed with these keys.
const UNKNOWN_CALLER: &[&str] = &[
    "AccountProblem",
    "CredentialsNotSupported",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidToken",
    "NotSignedUp",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

/// One page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) objects: Vec<(String, Head)>,
    pub(crate) continuation: Option<String>,
    /// There may be more objects than those listed.
    pub(crate) incomplete: bool,
}

impl Client {
    /// Returns one page of the objects whose keys begin with `prefix`.
    pub(crate) fn list_objects(&self, prefix: &str, continuation: Option<&str>) -> Result<Page> {
        let mut query = vec![("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)];
        query.extend(continuation.map(|token| ("continuation-token", token)));
        self.list(&query, prefix)
    }

    /// Checks that the bucket exists and the credentials are valid. A missing permission to list is not an error.
    pub(crate) fn probe_bucket(&self) -> Result<()> {
        let call = Call { query: &[("list-type", "2"), ("max-keys", "1")], ..list_call() };
        match self.execute(&call, |response| self.page(response, "").map(|_| ())) {
            Ok(()) => Ok(()),
            Err(failed) => match &failed.cause {
                // Listings are forbidden or not supported: only access to the objects matters.
                Cause::Refused(answer)
                    if answer.has_code(&["AccessDenied", "AllAccessDisabled"])
                        || (answer.status == 403 && !answer.has_code(UNKNOWN_CALLER) && !answer.foreign)
                        || (matches!(answer.status, 405 | 501) && !answer.foreign) =>
                {
                    Ok(())
                }
                _ => Err(self.explain(&call, failed)),
            },
        }
    }

    fn list(&self, query: &[(&str, &str)], prefix: &str) -> Result<Page> {
        let call = Call { query, ..list_call() };
        let page = self.execute(&call, |response| self.page(response, prefix));
        self.may_list.fetch_or(page.is_ok(), Ordering::Relaxed);
        page.map_err(|failed| self.explain(&call, failed))
    }

    fn page(&self, mut response: Response, prefix: &str) -> std::result::Result<Page, Cause> {
        let body = response.read(MAX_LIST_BYTES).map_err(Cause::NoAnswer)?;
        let Ok(reply) = Element::parse(&body) else { return Err(Answer::no_document(&response, &body)) };
        let page = Page::of(&reply, prefix, self.server_time(&response));
        page.ok_or_else(|| Cause::Refused(Box::new(Answer::new(&response, &body))))
    }
}

impl Page {
    /// Reads the objects under `prefix` from a `ListBucketResult`; `now` is the time by the server's clock. Returns
    /// `None` for any other document.
    pub(crate) fn of(reply: &Element, prefix: &str, now: SystemTime) -> Option<Self> {
        if reply.name != "ListBucketResult" {
            return None;
        }
        let encoded = reply.child_text("EncodingType") == Some("url");
        let contents = || reply.children.iter().filter(|child| child.name == "Contents");
        let objects = contents().filter_map(|object| {
            let key = decode(&object.child("Key")?.text, prefix, encoded);
            let modified = object.child_text("LastModified").and_then(|text| text.parse::<Timestamp>().ok());
            let modified = modified.and_then(Timestamp::to_system_time);
            let size = object.child_text("Size")?.parse().ok()?;
            let age = modified.map(|modified| now.duration_since(modified).unwrap_or_default());
            let readable = !object.child_text("StorageClass").is_some_and(is_archive);
            Some((key, Head { size, age, readable }))
        });
        let objects: Vec<_> = objects.collect();
        let truncated = reply.child_text("IsTruncated").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let token = |name: &str| reply.child_text(name).filter(|token| truncated && !token.is_empty());
        let continuation = token("NextContinuationToken").map(str::to_owned);
        // A store may say that there is more and not how to get it, or list objects that cannot be read.
        let incomplete = truncated || objects.len() < contents().count();
        Some(Self { objects, continuation, incomplete })
    }
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
