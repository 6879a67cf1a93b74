//! Answers requests for manifests.

use std::sync::Arc;

use crate::base::Digest;
use crate::http::server::{Method, Request, Response};
use crate::ops::{MANIFEST_TYPE, Resolved, S3Cache, resolve};
use crate::serve::answer::{Code, OCTETS, Refusal, one_line, with_digest};
use crate::serve::mounted::Mounted;
use crate::serve::promises::Promised;
use crate::serve::pull::{Outcome, Pull};
use crate::serve::route::Reference;

impl Pull {
    /// Answers GET and HEAD of a manifest.
    pub(in crate::serve) fn manifest(
        &self,
        mounted: &Arc<Mounted>,
        request: &Request<'_>,
        repository: &str,
        reference: &Reference,
    ) -> Result<Response, Refusal> {
        match reference {
            // A push would skip a manifest that exists, and a lifecycle rule would then expire it.
            Reference::Tag(_) if mounted.push.is_some() && is_push(request) => {
                Err(unknown("every push writes its manifest"))
            }
            Reference::Tag(tag) => self.by_tag(mounted, repository, tag),
            Reference::Digest(digest) => {
                let document = mounted.promises.get(digest).filter(|document| &*document.media_type != OCTETS);
                if document.is_none()
                    && let Some(pushed) = mounted.push.as_ref().and_then(|push| push.manifest(digest))
                {
                    return Ok(pushed);
                }
                let unknown = || {
                    Refusal::new(Code::ManifestUnknown, format!("there is no manifest {digest}"))
                        .hint("request it by tag: the server keeps a manifest only for a few minutes")
                };
                Ok(respond(&document.ok_or_else(unknown)?, digest))
            }
        }
    }

    /// Every failure is a miss: BuildKit then builds without the cache.
    fn by_tag(&self, mounted: &Arc<Mounted>, repository: &str, tag: &str) -> Result<Response, Refusal> {
        let sources = mounted.mount.sources(repository, tag).map_err(|error| unknown(&error.chain()))?;
        if sources.is_empty() {
            return Err(unknown("this repository only accepts exports"));
        }
        let locations: Vec<String> = sources.iter().flat_map(S3Cache::manifest_locations).collect();
        let key = (mounted.position, locations.join("\n"));
        let corrupt = mounted.corrupt();
        let work = move || -> Outcome { Ok(resolve(&sources, &corrupt)?.map(Arc::new)) };
        match self.flights.join(key, self.manifest_timeout, work) {
            Some(Ok(Some(resolved))) => self.promise(mounted, &resolved),
            Some(Ok(None)) => Err(self.miss(&format!("there is no cache at {}", locations.join(", ")), false)),
            Some(Err(error)) => Err(self.miss(&one_line(&error.chain(), error.hint()), true)),
            None => {
                let seconds = self.manifest_timeout.as_secs();
                Err(self.miss(&format!("reading {} takes longer than {seconds} s", locations.join(", ")), true))
            }
        }
    }

    /// Keeps the documents for the requests that follow, and answers with the manifest.
    fn promise(&self, mounted: &Mounted, resolved: &Resolved) -> Result<Response, Refusal> {
        let digest = Digest::of(&resolved.manifest);
        let document = |media_type: &str, bytes: &[u8]| Promised { media_type: media_type.into(), bytes: bytes.into() };
        let manifest = document(MANIFEST_TYPE, &resolved.manifest);
        if !mounted.promises.keep(vec![document(OCTETS, &resolved.config), manifest.clone()]) {
            return Err(self.miss("too many different manifests were requested in the last few minutes", true));
        }
        mounted.locate(&resolved.blobs);
        self.counters.found(&resolved.names);
        log::info!("found {}: {} blobs", resolved.locations.join(", "), resolved.blobs.len());
        Ok(respond(&manifest, &digest))
    }

    /// Counts and logs a miss.
    fn miss(&self, why: &str, failed: bool) -> Refusal {
        self.counters.manifests_missed.add(1);
        if failed {
            self.counters.failures.add(1);
            log::warn!("the cache cannot be used: {why}");
        } else {
            log::info!("{why}");
        }
        unknown(why)
    }
}

/// Returns whether the request precedes the push of a manifest. containerd then accepts the type of that manifest and
/// `*/*`; when it pulls, it lists every type that it knows.
fn is_push(request: &Request<'_>) -> bool {
    let mut types = request.headers.all("accept").flat_map(|accept| accept.split(',')).map(str::trim);
    let pushed = types.next().is_some_and(|accept| accept.starts_with("application/vnd."));
    request.method == Method::Head && pushed && types.next() == Some("*/*") && types.next().is_none()
}

fn unknown(why: &str) -> Refusal {
    Refusal::new(Code::ManifestUnknown, why)
}

fn respond(document: &Promised, digest: &Digest) -> Response {
    with_digest(Response::bytes(200, &document.media_type, &*document.bytes), digest)
}
