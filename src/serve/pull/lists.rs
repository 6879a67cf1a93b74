//! Answers requests for lists: of tags, and of repositories.

use crate::base::{percent_encode_query, sort};
use crate::go::push_go_string;
use crate::http::server::Response;
use crate::ops::S3Cache;
use crate::serve::answer::{Refusal, json_of};
use crate::serve::mount::{BY_TAG, LATEST, Purpose};
use crate::serve::mounted::Mounted;
use crate::serve::pull::Pull;
use crate::serve::route::{Page, is_repository, is_tag};

/// The most names listed per cache.
const MOST_NAMES: usize = 10_000;

impl Pull {
    /// Answers a request for the tags of a repository.
    pub(in crate::serve) fn tags(&self, mounted: &Mounted, repository: &str, page: &Page) -> Result<Response, Refusal> {
        let tags = match mounted.mount.purpose {
            Purpose::Import => vec![LATEST.to_owned()],
            Purpose::Export => Vec::new(),
            Purpose::References { .. } => {
                let names = names(&mounted.mount.caches)?;
                let references = names.iter().flat_map(|name| references(name));
                sort::distinct(references.filter(|(of, _)| of == repository).map(|(_, tag)| tag))
            }
        };
        let mut json = String::from("{\"name\":");
        push_go_string(&mut json, repository);
        json.push_str(",\"tags\":");
        let path = format!("/v2/{repository}/tags/list");
        Ok(list(json, &tags, page, &path))
    }

    /// Answers a request for the repositories of mounts that have several. The names of the others are kept secret.
    pub(in crate::serve) fn catalog<'a>(
        &self,
        mounts: impl Iterator<Item = &'a Mounted>,
        page: &Page,
    ) -> Result<Response, Refusal> {
        let mut repositories = Vec::new();
        for mounted in mounts.filter(|mounted| matches!(mounted.mount.purpose, Purpose::References { .. })) {
            let names = names(&mounted.mount.caches)?;
            repositories.extend(names.iter().flat_map(|name| references(name)).map(|(repository, _)| repository));
        }
        Ok(list("{\"repositories\":".to_owned(), &sort::distinct(repositories), page, "/v2/_catalog"))
    }
}

fn names(caches: &[S3Cache]) -> Result<Vec<String>, Refusal> {
    let failed = |error| Refusal::failed("cannot list the manifests", &error);
    let names: Result<Vec<_>, _> = caches.iter().map(|cache| cache.first_names(MOST_NAMES)).collect();
    Ok(names.map_err(failed)?.into_iter().flatten().collect())
}

/// Returns every repository and tag that stands for the name.
fn references(name: &str) -> Vec<(String, String)> {
    let mut references = Vec::new();
    if is_repository(name) {
        references.push((name.to_owned(), LATEST.to_owned()));
    }
    if is_tag(name) && name != LATEST {
        references.push((BY_TAG.to_owned(), name.to_owned()));
    }
    if let Some((repository, tag)) = name.split_once(':')
        && (is_repository(repository) && repository != BY_TAG && is_tag(tag) && tag != LATEST)
    {
        references.push((repository.to_owned(), tag.to_owned()));
    }
    references
}

/// Completes the object `json` with one page of the list.
fn list(mut json: String, all: &[String], page: &Page, path: &str) -> Response {
    let mut rest = all.iter().filter(|item| page.after.as_ref().is_none_or(|after| *item > after));
    let items: Vec<&String> = rest.by_ref().take(page.count.unwrap_or(usize::MAX)).collect();
    json.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            json.push(',');
        }
        push_go_string(&mut json, item);
    }
    json.push_str("]}\n");
    let response = json_of(200, json);
    match (items.last(), page.count, rest.next()) {
        (Some(last), Some(count), Some(_)) => {
            response.header("link", format!("<{path}?last={}&n={count}>; rel=\"next\"", percent_encode_query(last)))
        }
        _ => response,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::server::Body;
    use crate::serve::mount::name_of;

    #[test]
    fn every_listed_reference_stands_for_the_name() {
        for (name, count) in
            [("app", 2), ("cache", 2), ("latest", 1), ("a/b", 1), ("App", 1), ("a:b", 1), ("cache:b", 0), ("ä", 0)]
        {
            let references = references(name);
            assert_eq!(references.len(), count, "{name}");
            for (repository, tag) in references {
                assert_eq!(name_of(&repository, &tag), name);
            }
        }
    }

    #[test]
    fn a_page_names_the_next() {
        let all = ["a", "b", "c"].map(str::to_owned);
        let page = |count, after: &str| Page { count, after: Some(after.to_owned()).filter(|after| !after.is_empty()) };
        for (page, items, next) in [
            (page(None, ""), r#"["a","b","c"]"#, false),
            (page(Some(2), ""), r#"["a","b"]"#, true),
            (page(Some(2), "a"), r#"["b","c"]"#, false),
            (page(Some(0), ""), "[]", false),
            (page(Some(1), "c"), "[]", false),
        ] {
            let response = list("{\"x\":".to_owned(), &all, &page, "/p");
            let Body::Bytes(bytes) = &response.body else { panic!("{response:?}") };
            assert_eq!(bytes, format!("{{\"x\":{items}}}\n").as_bytes());
            let link = response.headers.iter().find(|(name, _)| *name == "link");
            assert_eq!(link.is_some(), next, "{page:?}");
            assert!(link.is_none_or(|(_, link)| link == "</p?last=b&n=2>; rel=\"next\""), "{link:?}");
        }
    }
}
