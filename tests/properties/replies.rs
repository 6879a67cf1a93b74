//! Responses of an S3 server.

use std::time::{Duration, SystemTime};

use crate::base::{Element, MAX_SHOWN_CHARS, percent_encode_query};
use crate::go::Timestamp;
use crate::http::parse_http_date;
use crate::http::retry::{Attempts, Decision, RetryPolicy};
use crate::object::{ListPage, ListedObject};
use crate::s3::{Answer, ContentRange, CopyReply, list_page, object_meta};

/// A response as in HTTP: the status, one header per line, an empty line, the body. The header `prefix` is the
/// requested prefix of a listing; the header `secret` is the secret that the request was signed with.
struct Reply<'a> {
    status: u16,
    headers: Vec<(&'a str, &'a str)>,
    body: &'a [u8],
}

/// An error shows little of a response, and on one line. A page is not larger than its text, a range is valid, and no
/// server can cause a long wait.
pub fn replies(data: &[u8]) {
    let reply = Reply::parse(data);
    // A time in the year 2027.
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    refusal(&reply);
    listing(&reply, now);
    copy(reply.body);
    if let Some(text) = reply.header("content-range") {
        content_range(text);
    }
    let head = object_meta(reply.body.len() as u64, |name| reply.header(name), now);
    assert!(head.age.is_none() || reply.header("last-modified").is_some());
    if let Some(date) = reply.header("date").and_then(parse_http_date) {
        object_meta(0, |name| reply.header(name), date);
    }
}

impl<'a> Reply<'a> {
    fn parse(data: &'a [u8]) -> Self {
        let end = data.windows(2).position(|pair| pair == b"\n\n");
        let (head, body) = match end.and_then(|end| Some((data.get(..end)?, data.get(end + 2..)?))) {
            Some(parts) => parts,
            None => (data, &b""[..]),
        };
        let mut lines = std::str::from_utf8(head).unwrap_or_default().split('\n');
        let status = lines.next().and_then(|status| status.trim().parse().ok()).unwrap_or(200);
        let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect();
        Self { status, headers, body }
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

fn refusal(reply: &Reply<'_>) {
    let mut answer = Answer::parse(reply.status, |name| reply.header(name), reply.body);
    let secret = reply.header("secret").unwrap_or_default();
    answer.hide(&[secret]);
    assert_eq!(answer.status, reply.status);
    for shown in [&answer.code, &answer.message, &answer.request_id, &answer.region, &answer.server] {
        let shown = shown.as_deref().unwrap_or_default();
        assert!(shown.chars().count() <= MAX_SHOWN_CHARS && !shown.contains(char::is_control), "{shown:?}");
        assert!(!super::shows_part(shown, secret), "{shown:?}");
    }
    match RetryPolicy::standard(3).failed(&mut Attempts::default(), answer.failure()) {
        Decision::Retry(pause) => assert!(pause <= Duration::from_secs(30)),
        decision => assert_eq!(decision, Decision::GiveUp),
    }
}

fn listing(reply: &Reply<'_>, now: SystemTime) {
    let prefix = reply.header("prefix").unwrap_or_default();
    let Ok(root) = Element::parse(reply.body) else { return };
    let Some(page) = list_page(&root, prefix, now) else { return };
    let keys: usize = page.objects.iter().map(|object| object.key.len()).sum();
    assert!(keys + page.continuation.as_ref().map_or(0, String::len) <= reply.body.len());
    assert!(page.objects.len() <= reply.body.len());
    let objects = page.objects.iter().map(|ListedObject { key, meta: head, .. }| {
        let class = if head.readable { "STANDARD" } else { "GLACIER" };
        let modified = head.age.and_then(|age| now.checked_sub(age)).map_or(Timestamp::ZERO, Timestamp::from);
        format!(
            "<Contents><Key>{}</Key><Size>{}</Size><StorageClass>{class}</StorageClass>\
             <LastModified>{modified}</LastModified></Contents>",
            percent_encode_query(key),
            head.size,
        )
    });
    let objects: String = objects.collect();
    let text = format!("<ListBucketResult><EncodingType>url</EncodingType>{objects}</ListBucketResult>");
    let again = Element::parse(text.as_bytes()).ok().and_then(|root| list_page(&root, "", now)).unwrap_or_default();
    let plain = |page: &ListPage| -> Vec<(String, u64, bool)> {
        page.objects.iter().map(|object| (object.key.clone(), object.meta.size, object.meta.readable)).collect()
    };
    assert_eq!(plain(&again), plain(&page));
    for (again, head) in
        again.objects.iter().map(|object| &object.meta).zip(page.objects.iter().map(|object| &object.meta))
    {
        assert!(head.age.is_none() || again.age == head.age || again.age.is_some_and(|age| age > YEARS));
    }
}

/// Times before the year 0 have no text form.
const YEARS: Duration = Duration::from_secs(1900 * 365 * 24 * 3600);

fn copy(body: &[u8]) {
    let reply = CopyReply::parse(body);
    let root = Element::parse(body).ok();
    let name = root.as_ref().map(|root| root.name.as_str());
    assert_eq!(matches!(reply, CopyReply::Copied { .. }), name == Some("CopyObjectResult"));
    assert!(reply != CopyReply::Foreign || root.is_none());
    if let CopyReply::Copied { modified: Some(modified), .. } = reply {
        let time = Timestamp::from(modified);
        let text = format!("<CopyObjectResult><LastModified>{time}</LastModified></CopyObjectResult>");
        let again = CopyReply::Copied { modified: Some(modified), version: None };
        assert!(time.is_zero() || CopyReply::parse(text.as_bytes()) == again);
    }
}

fn content_range(text: &str) {
    let Some(range) = ContentRange::parse(text) else { return };
    let ContentRange { start, end, total } = range;
    assert!(start < end && total.is_none_or(|total| end <= total));
    let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
    assert!(!text.contains('+'));
    assert_eq!(ContentRange::parse(&format!("bytes {start}-{}/{total}", end - 1)), Some(range));
}

#[cfg(test)]
mod tests {
    #[test]
    fn long_texts_are_cut() {
        let long = "&#27;]\u{85}x".repeat(10_000).replace("&#27;", "&#x7f;");
        for name in ["Code", "Message", "RequestId", "Region"] {
            super::replies(format!("403\nserver: {long}\n\n<Error><{name}>{long}</{name}></Error>").as_bytes());
        }
    }
}
