//! The paths, queries and ranges that clients of a registry send.

use crate::base::percent_encode_query;
use crate::serve::{Page, Reference, Route, Wanted, name_of, wanted};

/// A route printed as a target is the same route, and everything in it follows the grammar. The first line is the
/// target, the rest a range.
pub fn registry_route(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (target, range) = text.split_once('\n').unwrap_or((&text, ""));
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    match Route::of(path, query) {
        Ok(route) => {
            let (path, query) = printed(&route);
            assert_eq!(Route::of(&path, Some(&query)).ok().as_ref(), Some(&route), "{path}?{query}");
        }
        Err(refusal) => assert!((400..500).contains(&refusal.status) && !refusal.line().is_empty()),
    }
    for size in [0, 1, 1000, u64::MAX] {
        if let Wanted::Part(part) = wanted(Some(range), size) {
            assert!(part.start < part.end && part.end <= size, "{range:?} of {size}");
        }
    }
}

/// Returns a path and a query of the route, after checking the names in it.
fn printed(route: &Route) -> (String, String) {
    let digest = |name: &str, digest: &Option<_>| {
        digest.map_or(String::new(), |digest: crate::Digest| {
            format!("{name}={}&", digest.to_string().replace(':', "%3A"))
        })
    };
    let page = |page: &Page| {
        assert!(page.count.is_none_or(|count| count <= 1000));
        let count = page.count.map_or(String::new(), |count| format!("n={count}&"));
        let after = page.after.as_ref().map(|after| format!("last={}", percent_encode_query(after)));
        count + &after.unwrap_or_default()
    };
    let of = |repository: &str, rest: String| {
        is_key_part(repository);
        assert!(!repository.contains(|c: char| c.is_ascii_uppercase()) && repository.len() <= 255);
        format!("/v2/{repository}/{rest}")
    };
    let none = String::new;
    match route {
        Route::Text => ("/".to_owned(), none()),
        Route::Metrics => ("/metrics".to_owned(), none()),
        Route::Base => ("/v2/".to_owned(), none()),
        Route::Catalog(list) => ("/v2/_catalog".to_owned(), page(list)),
        Route::Tags { repository, page: list } => (of(repository, "tags/list".to_owned()), page(list)),
        Route::Manifest { repository, reference: Reference::Digest(digest) } => {
            (of(repository, format!("manifests/{digest}")), none())
        }
        Route::Manifest { repository, reference: Reference::Tag(tag) } => {
            is_key_part(tag);
            is_key_part(&name_of(repository, tag));
            (of(repository, format!("manifests/{tag}")), none())
        }
        Route::Blob { repository, digest } => (of(repository, format!("blobs/{digest}")), none()),
        Route::Referrers { repository, digest } => (of(repository, format!("referrers/{digest}")), none()),
        Route::StartUpload { repository, mount, digest: whole } => {
            (of(repository, "blobs/uploads/".to_owned()), digest("mount", mount) + &digest("digest", whole))
        }
        Route::Upload { repository, id, digest: whole } => {
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
            (of(repository, format!("blobs/uploads/{id}")), digest("digest", whole))
        }
    }
}

/// Asserts that the name can be part of a key in every store.
fn is_key_part(name: &str) {
    assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte)), "{name:?}");
    assert!(name.split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{name:?}");
}
