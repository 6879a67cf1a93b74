//! Answers requests: access, route, mount, and then what the route asks for.

use std::sync::Arc;

use crate::http::server::{Handler, Method, Request, Response};
use crate::serve::access::Access;
use crate::serve::answer::{Code, Refusal, json_of};
use crate::serve::counters::Counters;
use crate::serve::mounted::Mounted;
use crate::serve::pull::Pull;
use crate::serve::push::Push;
use crate::serve::route::{Reference, Route};

const TEXT: &str = "s3-build-cache: a build cache in S3 as a registry.\n\
                    docker buildx build --cache-from type=registry,ref=HOST/REPOSITORY:TAG .\n";

/// A registry whose repositories are mounts.
pub(super) struct Registry {
    pub(super) access: Access,
    pub(super) mounts: Vec<Arc<Mounted>>,
    pub(super) pull: Pull,
    pub(super) counters: Arc<Counters>,
}

impl Handler for Registry {
    fn handle(&self, request: &mut Request<'_>) -> Response {
        self.counters.requests.add(1);
        let answer = self.answer(request);
        let line = format!("{} {}", request.method.as_str(), request.path);
        match answer {
            Ok(response) => {
                log::debug!("{line}: {}", response.status);
                response
            }
            Err(refusal) if refusal.is_failure => {
                self.counters.failures.add(1);
                log::warn!("{line}: {} {}", refusal.status, refusal.line());
                refusal.into()
            }
            Err(refusal) => {
                log::debug!("{line}: {} {}", refusal.status, refusal.line());
                refusal.into()
            }
        }
    }
}

impl Registry {
    fn answer(&self, request: &mut Request<'_>) -> Result<Response, Refusal> {
        self.access.check(request)?;
        let route = Route::of(&request.path, request.query.as_deref())?;
        route.check(&request.method)?;
        match &route {
            Route::Text => Ok(Response::text(200, TEXT)),
            Route::Metrics => Ok(Response::text(200, self.counters.metrics())),
            Route::Base => Ok(json_of(200, "{}".to_owned()).header("docker-distribution-api-version", "registry/2.0")),
            Route::Catalog(page) => self.pull.catalog(self.mounts.iter().map(|mounted| &**mounted), page),
            Route::Manifest { repository, reference } if request.method == Method::Put => {
                self.put_manifest(request, repository, reference)
            }
            Route::Manifest { repository, reference } => {
                self.pull.manifest(self.mounted(repository)?, request, repository, reference)
            }
            Route::Blob { repository, digest } => self.pull.blob(self.mounted(repository)?, request, digest),
            Route::StartUpload { repository, mount, digest } => {
                self.push(repository)?.start_upload(request, repository, *mount, *digest)
            }
            Route::Upload { repository, id, digest } => self.push(repository)?.upload(request, repository, id, *digest),
            Route::Tags { repository, page } => self.pull.tags(self.mounted(repository)?, repository, page),
            Route::Referrers { repository, .. } => self.mounted(repository).map(|_| referrers()),
        }
    }

    fn put_manifest(
        &self,
        request: &mut Request<'_>,
        repository: &str,
        reference: &Reference,
    ) -> Result<Response, Refusal> {
        let (mounted, push) = (self.mounted(repository)?, self.push(repository)?);
        let names = match reference {
            Reference::Tag(tag) => mounted.mount.names(repository, tag).map(Some),
            Reference::Digest(_) => Ok(None),
        };
        let names = names.map_err(|error| Refusal::new(Code::NameInvalid, error.chain()))?;
        let response = push.put_manifest(request, reference, names.as_deref())?;
        self.pull.changed(mounted.position);
        Ok(response)
    }

    fn mounted(&self, repository: &str) -> Result<&Arc<Mounted>, Refusal> {
        let mounted = self.mounts.iter().find(|mounted| mounted.mount.answers(repository));
        mounted.ok_or_else(|| Refusal::new(Code::NameUnknown, "there is no such repository"))
    }

    fn push(&self, repository: &str) -> Result<&Push, Refusal> {
        let read_only =
            || Refusal::new(Code::Denied, "this registry is read-only").hint("start the server with writing turned on");
        self.mounted(repository)?.push.as_ref().ok_or_else(read_only)
    }
}

/// Returns that nothing refers to a manifest: caches have no signatures or attestations of their own.
fn referrers() -> Response {
    let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
    Response::bytes(200, "application/vnd.oci.image.index.v1+json", index)
}
