//! What the sink holds: sizes by key. There is one bucket, whatever name it is called by.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

/// Bodies with this in their keys are kept, for clients read them back: a manifest that is exported can be imported.
pub(super) const KEPT: &str = "manifests/";

#[derive(Default)]
pub(super) struct Bucket {
    pub(super) objects: BTreeMap<String, Object>,
    uploads: HashMap<String, Upload>,
    begun: u64,
}

#[derive(Clone)]
pub(super) struct Object {
    pub(super) size: u64,
    pub(super) content: Content,
    pub(super) modified: SystemTime,
    /// `x-amz-meta-*`, which some clients keep a file's time in.
    pub(super) metadata: Vec<(String, String)>,
}

#[derive(Clone)]
pub(super) enum Content {
    /// The stretch of the pattern that begins here.
    Pattern(u64),
    Kept(Vec<u8>),
}

struct Upload {
    key: String,
    parts: BTreeMap<u32, u64>,
    metadata: Vec<(String, String)>,
}

impl Object {
    pub(super) fn new(size: u64, content: Content) -> Self {
        Self { size, content, modified: SystemTime::now(), metadata: Vec::new() }
    }

    /// Looks like that of an object that was uploaded in parts, so no client takes it for an MD5 to check: the sink does
    /// not read what it is sent.
    pub(super) fn etag(&self) -> String {
        format!("\"{:032x}-1\"", self.size)
    }
}

impl Bucket {
    pub(super) fn begin(&mut self, key: &str, metadata: Vec<(String, String)>) -> String {
        self.begun += 1;
        let id = format!("upload-{}", self.begun);
        self.uploads.insert(id.clone(), Upload { key: key.to_owned(), parts: BTreeMap::new(), metadata });
        id
    }

    /// Whether there is such an upload.
    pub(super) fn part(&mut self, id: &str, number: u32, size: u64) -> bool {
        self.uploads.get_mut(id).map(|upload| upload.parts.insert(number, size)).is_some()
    }

    /// Joins all parts that came, without asking which the client names.
    pub(super) fn complete(&mut self, id: &str) -> Option<Object> {
        let upload = self.uploads.remove(id)?;
        let object = Object::new(upload.parts.values().sum(), Content::Pattern(0));
        let object = Object { metadata: upload.metadata, ..object };
        self.objects.insert(upload.key, object.clone());
        Some(object)
    }

    pub(super) fn abort(&mut self, id: &str) {
        self.uploads.remove(id);
    }

    pub(super) fn clear(&mut self) {
        self.objects.clear();
        self.uploads.clear();
    }

    pub(super) fn bytes(&self) -> u64 {
        self.objects.values().map(|object| object.size).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_has_the_size_of_its_parts_a_part_sent_twice_counts_once() {
        let mut bucket = Bucket::default();
        let id = bucket.begin("key", Vec::new());
        for (number, size) in [(1, 5), (2, 7), (1, 6)] {
            assert!(bucket.part(&id, number, size));
        }
        assert_eq!(bucket.complete(&id).unwrap().size, 13);
        assert_eq!(bucket.objects["key"].size, 13);
        assert!(bucket.complete(&id).is_none());
        assert!(!bucket.part(&id, 3, 1));
    }
}
