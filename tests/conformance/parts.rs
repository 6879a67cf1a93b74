//! Objects that are uploaded or copied in parts.

use s3_build_cache::ErrorKind;
use s3_build_cache::object::{BytesPayload, MultipartUpload, ObjectStore, PutMode};

use super::{Quirks, put, whole};

/// The smallest part size that all stores accept.
const PART: usize = 5 * 1024 * 1024;

fn bytes(size: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(size).collect()
}

fn begin<'a>(store: &'a dyn ObjectStore, key: &str, size: usize) -> Box<dyn MultipartUpload + 'a> {
    let upload = store.put_in_parts(key, size as u64, &PutMode::Overwrite);
    upload.unwrap_or_else(|error| panic!("begin {key}: {}", error.chain()))
}

fn put_part(upload: &dyn MultipartUpload, at: usize, bytes: &[u8]) {
    let number = u32::try_from(at + 1).unwrap();
    let part = &bytes[at * PART..bytes.len().min((at + 1) * PART)];
    let put = upload.put_part(number, (at * PART) as u64, &BytesPayload::new(part.to_vec()));
    put.unwrap_or_else(|error| panic!("part {number}: {}", error.chain()));
}

pub(super) fn run(store: &dyn ObjectStore, quirks: &Quirks, prefix: &str) {
    let key = &format!("{prefix}parts/one +=~");
    let data = bytes(2 * PART + 1000);

    let begun = store.put_in_parts(key, data.len() as u64, &PutMode::Overwrite).map(drop);
    if quirks.parts.supports(begun, "parts").is_none() {
        return;
    }

    // In any order, one of them twice; nothing is visible before the end.
    let upload = begin(store, key, data.len());
    put_part(&*upload, 2, &data);
    upload.put_part(1, 0, &BytesPayload::new(vec![1; PART])).unwrap();
    put_part(&*upload, 1, &data);
    put_part(&*upload, 0, &data);
    assert_eq!(store.head(key).unwrap(), None);
    let version = upload.complete().unwrap_or_else(|error| panic!("complete: {}", error.chain()));
    let meta = store.head(key).unwrap().unwrap();
    assert_eq!(meta.size, data.len() as u64);
    assert!(version.is_none() || version == meta.version, "{version:?} {meta:?}");
    assert!(whole(store, key).unwrap() == data);

    // An aborted upload leaves the old object in place.
    let upload = begin(store, key, data.len());
    upload.put_part(1, 0, &BytesPayload::new(vec![2; PART])).unwrap();
    drop(upload);
    assert!(whole(store, key).unwrap() == data);

    // A single part may be small, and replaces the old object.
    let upload = begin(store, key, 3);
    upload.put_part(1, 0, &BytesPayload::new(b"new".to_vec())).unwrap();
    upload.complete().unwrap();
    assert_eq!(whole(store, key).unwrap(), b"new");

    conditions(store, quirks, &format!("{prefix}parts/conditions"));
    lies(store, quirks, prefix);
    copies(store, quirks, prefix, &data);
}

/// The condition is checked when the upload is completed.
fn conditions(store: &dyn ObjectStore, quirks: &Quirks, key: &str) {
    let complete = |bytes: &[u8], mode: &PutMode| {
        let upload = store.put_in_parts(key, bytes.len() as u64, mode)?;
        upload.put_part(1, 0, &BytesPayload::new(bytes.to_vec()))?;
        upload.complete()
    };
    put(store, key, b"first");
    if quirks.create.refuses(complete(b"second", &PutMode::Create), "create in parts") {
        assert_eq!(whole(store, key).unwrap(), b"first");
        store.delete(key).unwrap();
        complete(b"first", &PutMode::Create).unwrap();
    }
    let Some(old) = store.head(key).unwrap().unwrap().version else { return };
    put(store, key, b"third");
    if quirks.replace.refuses(complete(b"fourth", &PutMode::Replace(old)), "replace in parts") {
        assert_eq!(whole(store, key).unwrap(), b"third");
        let version = store.head(key).unwrap().unwrap().version.unwrap();
        complete(b"fifth", &PutMode::Replace(version)).unwrap();
        assert_eq!(whole(store, key).unwrap(), b"fifth");
    }
}

/// A part whose bytes differ from those announced.
fn lies(store: &dyn ObjectStore, quirks: &Quirks, prefix: &str) {
    if quirks.does_not_check_payload_hash {
        return;
    }
    let key = &format!("{prefix}parts/lie");
    let upload = begin(store, key, 12);
    let error = upload.put_part(1, 0, &super::payload::another()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{}", error.chain());
    drop(upload);
    assert_eq!(store.head(key).unwrap(), None);
}

fn copies(store: &dyn ObjectStore, quirks: &Quirks, prefix: &str, data: &[u8]) {
    if quirks.copies_no_parts {
        return;
    }
    let (source, key) = (&format!("{prefix}parts/source a+b"), &format!("{prefix}parts/copy"));
    put(store, source, data);
    // The last range ends with the object; each other range starts where the previous one ends.
    let upload = begin(store, key, data.len());
    let size = data.len() as u64;
    for (number, start) in (1..).zip((0..size).step_by(PART)) {
        let range = start..size.min(start + PART as u64);
        let copied = upload.copy_part(number, start, source, range);
        copied.unwrap_or_else(|error| panic!("copy {number}: {}", error.chain()));
    }
    upload.complete().unwrap();
    assert!(whole(store, key).unwrap() == data);

    // Onto itself, as a touch does.
    let upload = begin(store, key, data.len());
    let mut ranges = (1..).zip((0..size).step_by(PART));
    let copied = ranges
        .try_for_each(|(number, start)| upload.copy_part(number, start, key, start..size.min(start + PART as u64)));
    if quirks.copies_no_parts_of_parts {
        assert_eq!(copied.unwrap_err().kind(), ErrorKind::Unsupported);
        drop(upload);
    } else {
        copied.unwrap();
        upload.complete().unwrap();
    }
    assert!(whole(store, key).unwrap() == data);

    let upload = begin(store, key, PART);
    let absent = upload.copy_part(1, 0, &format!("{source}-absent"), 0..PART as u64);
    assert_eq!(absent.unwrap_err().kind(), ErrorKind::NotFound);
    drop(upload);
}
