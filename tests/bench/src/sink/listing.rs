//! ListObjectsV2, and the older ListObjects.

use std::collections::BTreeSet;
use std::ops::Bound;

use super::bucket::Bucket;
use super::clock::iso;
use super::handlers::Answer;
use super::head::Head;
use super::text::{document, element, escape, percent_encode};

/// The maximum page size of S3.
const PAGE: usize = 1000;

pub(super) fn answer(bucket: &Bucket, head: &Head) -> Answer {
    let parameter = |name: &str| head.parameter(name).unwrap_or_default();
    let v2 = parameter("list-type") == "2";
    let most = parameter("max-keys").parse().unwrap_or(PAGE).min(PAGE);
    let encoded = parameter("encoding-type") == "url";
    let spell = |key: &str| if encoded { percent_encode(key) } else { escape(key) };
    // A token is the last key of the previous page, unencoded.
    let names = if v2 { ["continuation-token", "start-after"] } else { ["marker", "marker"] };
    let after = names.iter().map(|name| parameter(name)).find(|key| !key.is_empty()).unwrap_or_default();
    let page = Page::of(bucket, parameter("prefix"), parameter("delimiter"), after, most);
    let mut inner = element("Name", "bench");
    for key in &page.keys {
        let object = &bucket.objects[*key];
        inner += &format!(
            "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
            spell(key),
            iso(object.modified),
            object.etag(),
            object.size
        );
    }
    for folder in &page.folders {
        inner += &format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", spell(folder));
    }
    inner += &format!("<Prefix>{}</Prefix><MaxKeys>{most}</MaxKeys>", spell(parameter("prefix")));
    inner += &element("KeyCount", &(page.keys.len() + page.folders.len()).to_string());
    if encoded {
        inner += "<EncodingType>url</EncodingType>";
    }
    inner += &element("IsTruncated", &page.next.is_some().to_string());
    match &page.next {
        Some(next) if v2 => inner += &element("NextContinuationToken", next),
        Some(next) => inner += &format!("<NextMarker>{}</NextMarker>", spell(next)),
        None => {}
    }
    Answer::xml(document("ListBucketResult", &inner))
}

#[derive(Debug, PartialEq, Eq)]
struct Page<'a> {
    keys: Vec<&'a str>,
    folders: BTreeSet<&'a str>,
    next: Option<String>,
}

impl<'a> Page<'a> {
    fn of(bucket: &'a Bucket, prefix: &str, delimiter: &str, after: &str, most: usize) -> Self {
        let mut page = Self { keys: Vec::new(), folders: BTreeSet::new(), next: None };
        let mut last = String::new();
        let from = if after >= prefix { Bound::Excluded(after) } else { Bound::Included(prefix) };
        for (key, _) in bucket.objects.range::<str, _>((from, Bound::Unbounded)) {
            let Some(rest) = key.strip_prefix(prefix) else { break };
            let folder = match rest.find(delimiter) {
                Some(at) if !delimiter.is_empty() => Some(&key[..prefix.len() + at + delimiter.len()]),
                _ => None,
            };
            if folder.is_some_and(|folder| page.folders.contains(folder) || folder == after) {
                last.clone_from(key);
                continue;
            }
            if page.keys.len() + page.folders.len() == most {
                page.next = Some(last);
                return page;
            }
            match folder {
                Some(folder) => {
                    page.folders.insert(folder);
                }
                None => page.keys.push(key),
            }
            last.clone_from(key);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::bucket::{Content, Object};

    fn bucket(keys: &[&str]) -> Bucket {
        let mut bucket = Bucket::default();
        for key in keys {
            bucket.objects.insert((*key).to_owned(), Object::new(1, Content::Pattern(0)));
        }
        bucket
    }

    #[test]
    fn pages_follow_each_other() {
        let bucket = bucket(&["a/1", "b/1", "b/2", "b/3", "c/1"]);
        let page = Page::of(&bucket, "b/", "", "", 2);
        assert_eq!((page.keys, page.next.as_deref()), (vec!["b/1", "b/2"], Some("b/2")));
        let page = Page::of(&bucket, "b/", "", "b/2", 2);
        assert_eq!((page.keys, page.next), (vec!["b/3"], None));
        assert_eq!(Page::of(&bucket, "b/", "", "", 3).next, None);
        assert_eq!(Page::of(&bucket, "", "", "b/2", 9).keys, ["b/3", "c/1"]);
    }

    #[test]
    fn deeper_keys_are_listed_as_one_folder() {
        let bucket = bucket(&["a/x/1", "a/x/2", "a/y", "a/z/1"]);
        let page = Page::of(&bucket, "a/", "/", "", 2);
        assert_eq!((page.keys, page.folders), (vec!["a/y"], BTreeSet::from(["a/x/"])));
        let next = page.next.unwrap();
        let page = Page::of(&bucket, "a/", "/", &next, 2);
        assert_eq!((page.keys, page.folders, page.next), (vec![], BTreeSet::from(["a/z/"]), None));
    }
}
