//! The objects of the sink: sizes by key. There is one bucket, whatever its name in a request.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

/// Objects with this in their key keep their bytes, so that an exported manifest can be imported.
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
    /// `x-amz-meta-*`, where some clients store a file's time.
    pub(super) metadata: Vec<(String, String)>,
}

#[derive(Clone)]
pub(super) enum Content {
    /// The stretch of the pattern that begins at this offset.
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

    /// Returns an entity tag like that of a multipart upload, so that no client checks it as an MD5: the sink does not
    /// read the bytes it receives.
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

    /// Returns whether the upload exists.
    pub(super) fn part(&mut self, id: &str, number: u32, size: u64) -> bool {
        self.uploads.get_mut(id).map(|upload| upload.parts.insert(number, size)).is_some()
    }

    /// Joins all received parts, whichever ones the client lists.
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
    fn an_upload_has_the_size_of_its_parts_and_a_repeated_part_counts_once() {
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
