//! Routes: which part of a registry a path names. Nothing here does I/O.
//!
//! The paths and the grammar of repositories and tags are those of the OCI distribution specification.

use crate::base::{Digest, percent_decode};
use crate::http::server::Method;
use crate::serve::answer::{Code, Refusal};

/// The longest repository name that clients accept, with the host.
const MAX_REPOSITORY_BYTES: usize = 255;
const MAX_TAG_BYTES: usize = 128;
/// The longest identifier of an upload. Ours are shorter.
const MAX_UPLOAD_BYTES: usize = 64;
/// The most tags on one page.
const MAX_TAGS: usize = 1000;

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/`: a text for people.
    Text,
    /// `/metrics`.
    Metrics,
    /// `/v2/`: whether this is a registry.
    Base,
    /// `/v2/_catalog`.
    Catalog(Page),
    /// `/v2/REPOSITORY/tags/list`.
    Tags { repository: String, page: Page },
    /// `/v2/REPOSITORY/manifests/REFERENCE`.
    Manifest { repository: String, reference: Reference },
    /// `/v2/REPOSITORY/blobs/DIGEST`.
    Blob { repository: String, digest: Digest },
    /// `/v2/REPOSITORY/blobs/uploads/`.
    StartUpload {
        repository: String,
        /// The blob to mount. It is looked up in the store, so the repository that it is from does not matter.
        mount: Option<Digest>,
        /// The digest of the body, which is the whole blob.
        digest: Option<Digest>,
    },
    /// `/v2/REPOSITORY/blobs/uploads/ID`.
    Upload { repository: String, id: String, digest: Option<Digest> },
    /// `/v2/REPOSITORY/referrers/DIGEST`.
    Referrers { repository: String, digest: Digest },
}

/// How a request names a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reference {
    Tag(String),
    Digest(Digest),
}

/// Which part of a list a request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// The most items; `None` without a limit by the client.
    pub(crate) count: Option<usize>,
    /// Only items after this one.
    pub(crate) after: Option<String>,
}

impl Route {
    /// Returns the route of a request with this path and query.
    ///
    /// # Errors
    /// If the path is not part of the registry API, or a name or digest in it is invalid.
    pub(crate) fn of(path: &str, query: Option<&str>) -> Result<Self, Refusal> {
        let segments: Option<Vec<String>> = path.split('/').skip(1).map(|part| percent_decode(part, false)).collect();
        let segments = segments.ok_or_else(|| no_such_path("the path is not valid UTF-8"))?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let query = Query::parse(query.unwrap_or_default())?;
        match segments.as_slice() {
            [""] => Ok(Self::Text),
            ["metrics"] => Ok(Self::Metrics),
            ["v2"] | ["v2", ""] => Ok(Self::Base),
            ["v2", "_catalog"] => Ok(Self::Catalog(query.page()?)),
            ["v2", name @ .., "tags", "list"] => Ok(Self::Tags { repository: repository(name)?, page: query.page()? }),
            ["v2", name @ .., "manifests", reference] => {
                Ok(Self::Manifest { repository: repository(name)?, reference: Reference::parse(reference)? })
            }
            ["v2", name @ .., "blobs", "uploads"] | ["v2", name @ .., "blobs", "uploads", ""] => {
                let (repository, mount) = (repository(name)?, query.digest("mount")?);
                Ok(Self::StartUpload { repository, mount, digest: query.digest("digest")? })
            }
            ["v2", name @ .., "blobs", "uploads", id] => {
                let (repository, id) = (repository(name)?, upload_id(id)?);
                Ok(Self::Upload { repository, id, digest: query.digest("digest")? })
            }
            ["v2", name @ .., "blobs", digest] => {
                Ok(Self::Blob { repository: repository(name)?, digest: parse_digest(digest)? })
            }
            ["v2", name @ .., "referrers", digest] => {
                Ok(Self::Referrers { repository: repository(name)?, digest: parse_digest(digest)? })
            }
            _ => Err(no_such_path("the path is not part of the registry API")),
        }
    }

    /// Returns the methods that the route takes, as the header `Allow` lists them.
    pub(crate) fn allowed(&self) -> &'static [Method] {
        match self {
            Self::Manifest { .. } => &[Method::Get, Method::Head, Method::Put],
            Self::StartUpload { .. } => &[Method::Post],
            Self::Upload { .. } => &[Method::Get, Method::Patch, Method::Put, Method::Delete],
            _ => &[Method::Get, Method::Head],
        }
    }

    /// Checks that the route takes the method.
    ///
    /// # Errors
    /// If it does not, with the methods that it takes.
    pub(crate) fn check(&self, method: &Method) -> Result<(), Refusal> {
        if self.allowed().contains(method) {
            return Ok(());
        }
        let allowed: Vec<&str> = self.allowed().iter().map(Method::as_str).collect();
        let what = match (self, method) {
            (Self::Manifest { .. } | Self::Blob { .. }, Method::Delete) => "this registry deletes nothing",
            _ => "the method does not apply here",
        };
        Err(Refusal::new(Code::Unsupported, what).header("allow", allowed.join(", ")))
    }
}

impl Reference {
    /// A reference that cannot exist is unknown, as the specification's own tests expect.
    fn parse(text: &str) -> Result<Self, Refusal> {
        if is_tag(text) {
            return Ok(Self::Tag(text.to_owned()));
        }
        let unknown = || Refusal::new(Code::ManifestUnknown, "the reference is neither a tag nor a SHA-256 digest");
        text.parse().map(Self::Digest).map_err(|_| unknown())
    }
}

/// A decoded query.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((percent_decode(name, true)?, percent_decode(value, true)?))
        });
        let pairs: Option<Vec<_>> = pairs.collect();
        pairs.map(Self).ok_or_else(|| Refusal::new(Code::Unsupported, "the query is not valid UTF-8").status(400))
    }

    /// Returns the last value of the parameter, because a client adds its own to those of a location.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn digest(&self, name: &str) -> Result<Option<Digest>, Refusal> {
        self.get(name).map(parse_digest).transpose()
    }

    fn page(&self) -> Result<Page, Refusal> {
        let invalid = || Refusal::new(Code::PaginationNumberInvalid, "n is not a number");
        let count = self.get("n").map(|count| count.parse::<u64>().map_err(|_| invalid())).transpose()?;
        let count = count.map(|count| usize::try_from(count).unwrap_or(MAX_TAGS).min(MAX_TAGS));
        Ok(Page { count, after: self.get("last").map(str::to_owned) })
    }
}

fn no_such_path(why: &str) -> Refusal {
    Refusal::new(Code::NameUnknown, why)
}

fn parse_digest(text: &str) -> Result<Digest, Refusal> {
    text.parse().map_err(|error| Refusal::new(Code::DigestInvalid, format!("{error}")))
}

fn repository(segments: &[&str]) -> Result<String, Refusal> {
    let name = segments.join("/");
    if segments.iter().all(|segment| is_component(segment)) && is_repository(&name) {
        return Ok(name);
    }
    let hint = "use lower-case letters and digits, with . _ - between them and / between the parts";
    Err(Refusal::new(Code::NameInvalid, "the repository name is invalid").hint(hint))
}

/// Returns whether this is the name of a repository: one or more components with slashes between them.
pub(crate) fn is_repository(name: &str) -> bool {
    name.len() <= MAX_REPOSITORY_BYTES && name.split('/').all(is_component)
}

/// Returns whether this is a tag.
pub(crate) fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= MAX_TAG_BYTES
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
}

/// Returns whether the text is lower-case letters and digits, with single separators `.`, `_`, `__` or dashes between
/// them.
fn is_component(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut separators = text.split(is_letter);
    let inner = text.starts_with(is_letter) && text.ends_with(is_letter);
    inner && separators.all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-'))
}

fn upload_id(text: &str) -> Result<String, Refusal> {
    let is_id = text.len() <= MAX_UPLOAD_BYTES && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let unknown = || Refusal::new(Code::BlobUploadUnknown, "there is no such upload");
    is_id.then(|| text.to_owned()).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn of(target: &str) -> Result<Route, (u16, Code)> {
        let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        Route::of(path, query).map_err(|refusal| (refusal.status, refusal.code))
    }

    fn name(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn every_path_of_a_registry_is_a_route() {
        let digest = Digest::of(b"");
        let page = |count, after: Option<&str>| Page { count, after: after.map(name) };
        let upload = |digest| Route::Upload { repository: name("a"), id: name("4f-2"), digest };
        let start = |mount, digest| Route::StartUpload { repository: name("a"), mount, digest };
        for (target, route) in [
            ("/", Route::Text),
            ("/metrics", Route::Metrics),
            ("/v2", Route::Base),
            ("/v2/", Route::Base),
            ("/v2/_catalog?n=10", Route::Catalog(page(Some(10), None))),
            (
                "/v2/a/b/tags/list?n=0&last=x%2Fy",
                Route::Tags { repository: name("a/b"), page: page(Some(0), Some("x/y")) },
            ),
            ("/v2/a/tags/list?n=99999999999", Route::Tags { repository: name("a"), page: page(Some(1000), None) }),
            (
                "/v2/manifests/manifests/tags",
                Route::Manifest { repository: name("manifests"), reference: Reference::Tag(name("tags")) },
            ),
            (
                &format!("/v2/a/manifests/{DIGEST}"),
                Route::Manifest { repository: name("a"), reference: Reference::Digest(digest) },
            ),
            (&format!("/v2/a/blobs/{}", DIGEST.replace(':', "%3A")), Route::Blob { repository: name("a"), digest }),
            ("/v2/a/blobs/uploads", start(None, None)),
            ("/v2/a/blobs/uploads/", start(None, None)),
            (&format!("/v2/a/blobs/uploads/?digest={DIGEST}"), start(None, Some(digest))),
            (&format!("/v2/a/blobs/uploads/?mount={DIGEST}&from=b/c"), start(Some(digest), None)),
            (&format!("/v2/a/blobs/uploads/?from=B&mount={DIGEST}"), start(Some(digest), None)),
            ("/v2/a/blobs/uploads/4f-2", upload(None)),
            (&format!("/v2/a/blobs/uploads/4f-2?digest={}&x", DIGEST.replace(':', "%3A")), upload(Some(digest))),
            (&format!("/v2/a/referrers/{DIGEST}?artifactType=x"), Route::Referrers { repository: name("a"), digest }),
        ] {
            assert_eq!(of(target), Ok(route), "{target}");
        }
    }

    #[test]
    fn invalid_names_and_digests_are_refused_by_their_code() {
        for (target, refused) in [
            ("/v1/", (404, Code::NameUnknown)),
            ("/x", (404, Code::NameUnknown)),
            ("/%ff", (404, Code::NameUnknown)),
            ("/v2/a", (404, Code::NameUnknown)),
            ("/v2/manifests/x", (400, Code::NameInvalid)),
            ("/v2/A/manifests/x", (400, Code::NameInvalid)),
            ("/v2/a%2Fb/manifests/x", (400, Code::NameInvalid)),
            ("/v2/a/manifests/.invalid", (404, Code::ManifestUnknown)),
            ("/v2/a/manifests/", (404, Code::ManifestUnknown)),
            ("/v2/a/manifests/sha512:00", (404, Code::ManifestUnknown)),
            ("/v2/a/blobs/sha256:00", (400, Code::DigestInvalid)),
            ("/v2/a/blobs/uploads/a_b", (404, Code::BlobUploadUnknown)),
            ("/v2/a/blobs/uploads/x?digest=sha256:0", (400, Code::DigestInvalid)),
            ("/v2/a/tags/list?n=x", (400, Code::PaginationNumberInvalid)),
            ("/v2/a/tags/list?n=%zz", (400, Code::Unsupported)),
        ] {
            assert_eq!(of(target), Err(refused), "{target}");
        }
    }

    #[test]
    fn repositories_and_tags_follow_the_grammar() {
        for good in ["a", "0", "a.b_c__d-e---f", "a/b/c"] {
            assert!(is_repository(good), "{good}");
        }
        for bad in ["", "a/", "/a", "a//b", "A", "a..b", "a___b", "a._b", "-a", "a-", ".", "..", "a b", "ä", "a:b"] {
            assert!(!is_repository(bad), "{bad}");
        }
        assert!(!is_repository(&"a".repeat(256)) && is_repository(&"a".repeat(255)));
        for good in ["latest", "_", "V1.2-x_y", &"a".repeat(128)] {
            assert!(is_tag(good), "{good}");
        }
        for bad in ["", ".a", "-a", "a/b", "a:b", "ä", &"a".repeat(129)] {
            assert!(!is_tag(bad), "{bad}");
        }
    }

    #[test]
    fn a_method_that_does_not_apply_is_refused_with_those_that_do() {
        let refused = of("/v2/a/manifests/x").unwrap().check(&Method::Delete).unwrap_err();
        assert_eq!((refused.status, refused.code), (405, Code::Unsupported));
        assert_eq!(refused.headers, [("allow", "GET, HEAD, PUT".to_owned())]);
        assert!(of("/v2/a/blobs/uploads/").unwrap().check(&Method::Post).is_ok());
        assert!(of("/v2/").unwrap().check(&Method::Other("get".to_owned())).is_err());
    }
}
