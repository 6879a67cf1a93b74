//! Manifests: checks and converts what was pushed, and writes it.

use std::sync::Arc;

use crate::base::{Digest, Error, ErrorKind};
use crate::cache_config::CacheConfig;
use crate::http::server::{Request, Response};
use crate::layout::manifest::{Manifest, Reference as Config};
use crate::ops::MANIFEST_TYPE;
use crate::ops::push::{Completion, Missing, Publication, Published, Spool};
use crate::serve::answer::{Code, Refusal, with_digest};
use crate::serve::push::Push;
use crate::serve::push::body::{Deadlines, document};
use crate::serve::route::Reference;

/// The largest manifest, and the largest config.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// How many missing blobs are named.
const MOST_NAMED: usize = 5;

/// A manifest that was pushed.
struct Pushed {
    document: Spool,
    digest: Digest,
    deadlines: Deadlines,
}

impl Pushed {
    /// Loads the manifest. The caller holds room for it.
    fn parse(&self) -> Result<Manifest, Refusal> {
        let bytes = self.document.to_vec().map_err(|error| Refusal::failed("cannot read the manifest", &error))?;
        Manifest::parse(&bytes).map_err(|error| invalid(&error))
    }
}

impl Push {
    /// Takes a manifest. `names` are those to write; `None` if the manifest was pushed by digest.
    pub(in crate::serve) fn put_manifest(
        &self,
        request: &mut Request<'_>,
        reference: &Reference,
        names: Option<&[String]>,
    ) -> Result<Response, Refusal> {
        let (document, digest) = document(request, MAX_BYTES)?;
        let deadlines = Deadlines::from_now(self.pushes.deadlines());
        if let Reference::Digest(announced) = reference
            && *announced != digest
        {
            let message = format!("the manifest has the digest {digest} instead of {announced}");
            return Err(Refusal::new(Code::DigestInvalid, message));
        }
        let pushed = Pushed { document, digest, deadlines };
        match names {
            Some(names) => self.publish(&pushed, names)?,
            None => self.reference(&pushed).map(drop)?,
        }
        // Kept for requests by digest.
        let media_type = request.header("content-type").unwrap_or(MANIFEST_TYPE);
        self.manifests.insert(digest, media_type, pushed.document);
        let location = request.path.rsplit_once('/').map_or("", |(parent, _)| parent);
        Ok(with_digest(Response::empty(201).header("location", format!("{location}/{digest}")), &digest))
    }

    /// Writes a manifest under these names, or joins the attempt to do so that is under way.
    fn publish(&self, pushed: &Pushed, names: &[String]) -> Result<(), Refusal> {
        let publication = match self.pushes.publication(&pushed.digest, names) {
            Some(under_way) => under_way,
            None => self.start(pushed, names)?,
        };
        match self.wait(&publication, pushed.deadlines.answer) {
            Some(Ok(Published::Written)) => {
                names.iter().for_each(|name| self.counters.wrote(name));
                Ok(())
            }
            Some(Ok(Published::Missing(missing))) => Err(unknown_blobs(&missing)),
            Some(Err(error)) if error.kind() == ErrorKind::Conflict => {
                Err(Refusal::new(Code::Denied, error.chain()).status(409).hint_of(&error))
            }
            Some(Err(error)) => Err(Refusal::failed("cannot write the manifest", &error)),
            None => {
                let message = "the store did not confirm the manifest in time";
                Err(Refusal::new(Code::Unavailable, message).hint("push it again to wait for the store"))
            }
        }
    }

    /// Returns the reference of a manifest to its config.
    fn reference(&self, pushed: &Pushed) -> Result<Config, Refusal> {
        let _room = self.document_room(pushed.document.size(), pushed.deadlines)?;
        Ok(pushed.parse()?.config)
    }

    fn start(&self, pushed: &Pushed, names: &[String]) -> Result<Arc<Completion<Published>>, Refusal> {
        let config = self.reference(pushed)?;
        let size = config.size;
        if size > MAX_BYTES {
            let message = format!("the config has {size} bytes; the limit is {MAX_BYTES}");
            return Err(Refusal::new(Code::SizeInvalid, message));
        }
        let room = self.document_room(size.saturating_add(pushed.document.size()), pushed.deadlines)?;
        let json = self.config(&config)?;
        let config = CacheConfig::from_local_json(&json, &pushed.parse()?.layers).map_err(|error| invalid(&error))?;
        drop(json);
        let publication = Publication {
            manifest: pushed.digest,
            config,
            names: names.to_vec(),
            write_by: pushed.deadlines.write,
            room,
        };
        let failed = |error| Refusal::failed("cannot write the manifest", &error);
        self.pushes.publish(publication).map_err(failed)
    }

    /// Reads the config of a cache, which was pushed as a blob.
    fn config(&self, config: &Config) -> Result<Vec<u8>, Refusal> {
        let failed = |error: Error| Refusal::failed("cannot read the config", &error);
        let Some(document) = self.pushes.documents().get(&config.digest) else {
            let unknown = || format!("the config {} was not pushed", config.digest);
            let stored = self.stored_config(config).map_err(failed)?;
            return stored.ok_or_else(|| Refusal::new(Code::ManifestBlobUnknown, unknown()));
        };
        if document.size() != config.size {
            let message = format!("the config has {} bytes instead of {}", document.size(), config.size);
            return Err(Refusal::new(Code::ManifestInvalid, message));
        }
        document.to_vec().map_err(failed)
    }

    fn stored_config(&self, config: &Config) -> Result<Option<Vec<u8>>, Error> {
        let Some(reader) = self.pushes.cache().open_blob(&config.digest)? else { return Ok(None) };
        if reader.size() == config.size { reader.read_all().map(Some) } else { Ok(None) }
    }
}

/// Explains why something is not the manifest of a cache.
fn invalid(error: &Error) -> Refusal {
    let message = format!("only build caches are stored: {}", error.chain());
    Refusal::new(Code::ManifestInvalid, message).hint_of(error)
}

fn unknown_blobs(missing: &[Missing]) -> Refusal {
    let named = missing.iter().take(MOST_NAMED).map(|Missing { digest, found, size }| match found {
        Some(found) => format!("{digest} ({found} bytes instead of {size})"),
        None => digest.to_string(),
    });
    let named: Vec<String> = named.collect();
    let more = match missing.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!("the store lacks blobs of the manifest: {}{more}", named.join(", "));
    Refusal::new(Code::ManifestBlobUnknown, message).hint("push again")
}
