use std::time::Duration;

use super::*;
use crate::base::Digest;
use crate::ops::inspect::largest::LargeBlob;
use crate::ops::inspect::usage::ManifestSummary;

fn manifest(name: &str, own: u64) -> ManifestSummary {
    let blob = |size| LargeBlob { digest: Digest::of(&size_bytes(size)), size, age: Some(Duration::from_secs(size)) };
    ManifestSummary {
        name: name.to_owned(),
        size: 100,
        written: None,
        age: Some(Duration::from_secs(7200)),
        layers: 3,
        records: 4,
        referenced: BlobSum { blobs: 3, bytes: own + 500 },
        own: BlobSum { blobs: 2, bytes: own },
        missing: BlobSum::default(),
        unusable: 0,
        largest: vec![blob(own / 2), blob(own / 3)],
        problem: None,
    }
}

fn size_bytes(size: u64) -> [u8; 8] {
    size.to_be_bytes()
}

fn usage(manifests: Vec<ManifestSummary>) -> DiskUsage {
    let own: u64 = manifests.iter().map(|manifest| manifest.own.bytes).sum();
    let shared = BlobSum { blobs: 1, bytes: 500 };
    let unreferenced = BlobSum { blobs: 9, bytes: 4 << 20 };
    let mut ages = crate::ops::inspect::ages::bands();
    ages[2].unreferenced = unreferenced;
    DiskUsage {
        all_manifests: manifests.len(),
        manifests,
        shared,
        referenced: BlobSum { blobs: 5, bytes: own + 500 },
        unreferenced,
        total: BlobSum { blobs: 14, bytes: own + 500 + (4 << 20) },
        ages,
        ..DiskUsage::default()
    }
}

/// Returns the names of the open tags in order, and panics if a tag is not closed.
fn tags(page: &str) -> Vec<String> {
    let (mut all, mut open) = (Vec::new(), Vec::new());
    for part in page.split('<').skip(1) {
        let (tag, _) = part.split_once('>').expect("a tag ends");
        let name = tag.trim_end_matches('/').split_whitespace().next().unwrap_or_default();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "{tag}");
        } else if !["meta", "br", "!DOCTYPE"].contains(&name) {
            all.push(name.to_owned());
            if !tag.ends_with('/') {
                open.push(name.to_owned());
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
    all
}

#[test]
fn a_page_is_complete_and_refers_to_nothing_outside() {
    let page =
        html_page(&[("s3://bucket/".to_owned(), usage(vec![manifest("main", 900_000), manifest("pr-1", 3000)]))]);
    let tags = tags(&page);
    for forbidden in ["script", "link", "img", "a", "iframe", "use", "image"] {
        assert!(!tags.iter().any(|tag| tag == forbidden), "{forbidden}");
    }
    for forbidden in ["http:", "https:", "url(", "@import", "src=\"", "href="] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("prefers-color-scheme:dark"));
    for part in ["main", "pr-1", "used by none", "shared by several names", "would free 4.00 MiB (9 blobs)"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn names_and_locations_are_only_text() {
    let hostile = "</title><script>alert(1)</script>\"'&\u{202e}";
    let page = html_page(&[(hostile.to_owned(), usage(vec![manifest(hostile, 5_000_000)]))]);
    assert!(!tags(&page).iter().any(|tag| tag == "script"));
    assert!(page.contains("&lt;script&gt;") && !page.contains('\u{202e}'));
}

#[test]
fn empty_and_large_buckets_have_a_page_too() {
    let empty = html_page(&[("s3://bucket/".to_owned(), DiskUsage::default())]);
    assert!(empty.contains("There are no blobs"));
    tags(&empty);
    let many = (0..3000).map(|number| manifest(&format!("pr-{number}"), 1000 + number)).collect();
    let page = html_page(&[("s3://bucket/".to_owned(), usage(many))]);
    tags(&page);
    assert!(page.contains("2850 more names") && page.contains("2500 more names are not listed"));
    assert!(page.len() < 2 << 20, "{}", page.len());
}
