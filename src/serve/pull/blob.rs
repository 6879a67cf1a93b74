//! Answers requests for blobs.

use std::io::{self, Read as _};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::base::{Digest, Error, ErrorKind};
use crate::http::server::{Method, Peer, Request, Response};
use crate::ops::S3Cache;
use crate::serve::answer::{Code, OCTETS, Refusal, with_digest};
use crate::serve::mounted::Mounted;
use crate::serve::pull::Pull;
use crate::serve::pull::sent::Sent;
use crate::serve::range::{Wanted, wanted};

/// How long a presigned URL is valid. A client that resumes may use it again.
const URL_VALID_FOR: Duration = Duration::from_secs(3600);
/// How many bytes are read before the response begins: a failure up to there can still change its status.
const FIRST_BYTES: usize = 16 * 1024;

/// A copy of a blob in one of the caches.
struct Copy<'a> {
    cache: &'a S3Cache,
    source: usize,
    digest: Digest,
    size: u64,
    /// The client to send it to.
    peer: Peer,
}

/// The outcome of reading one copy.
enum CopyOutcome {
    Answer(Response),
    /// The copy cannot be used, because of this.
    Lost(String),
    Failed(Error),
}

impl Pull {
    /// Answers GET and HEAD of a blob.
    pub(in crate::serve) fn blob(
        &self,
        mounted: &Arc<Mounted>,
        request: &Request<'_>,
        digest: &Digest,
    ) -> Result<Response, Refusal> {
        let range = range_header(request, digest);
        let is_head = request.method == Method::Head;
        // A push asks whether it can skip the blob. It must not skip a config that was only read.
        if let Some(push) = mounted.push.as_ref().filter(|_| is_head) {
            let size = push.head_blob(digest)?.ok_or_else(|| missing(digest, &[]))?;
            return Ok(sized(size, digest));
        }
        if let Some(document) = mounted.promises.get(digest) {
            return kept(&document.bytes, range, digest);
        }
        if let Some(document) = mounted.push.as_ref().and_then(|push| push.document(digest)) {
            return Ok(document);
        }
        let known = mounted.located(digest);
        let caches = mounted.mount.caches.iter().enumerate();
        let (first, others): (Vec<_>, Vec<_>) =
            caches.partition(|(at, _)| known.is_some_and(|known| known.source == *at));
        let (mut reasons, mut failed) = (Vec::new(), None);
        for (source, cache) in first.into_iter().chain(others) {
            if mounted.is_corrupt(digest, source) {
                reasons.push(format!("it does not match its digest in {}", cache.location()));
                continue;
            }
            let size = match known.filter(|known| known.source == source) {
                Some(known) => Ok(Some(known.size)),
                None => cache.find_blob(digest).map(|meta| meta.map(|meta| meta.size)),
            };
            let tried = match size {
                Ok(Some(size)) if is_head => return Ok(sized(size, digest)),
                Ok(Some(size)) => {
                    let peer = request.peer.clone();
                    self.send(mounted, Copy { cache, source, digest: *digest, size, peer }, range)?
                }
                Ok(None) => CopyOutcome::Lost(format!("it is not in {}", cache.location())),
                Err(error) => CopyOutcome::Failed(error),
            };
            match tried {
                CopyOutcome::Answer(response) => return Ok(response),
                CopyOutcome::Lost(why) => reasons.push(why),
                CopyOutcome::Failed(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) => Err(Refusal::unreadable(&format!("cannot read the blob {digest}"), &error)),
            None => {
                mounted.forget(digest);
                let refusal = missing(digest, &reasons);
                if known.is_some() {
                    self.counters.failures.add(1);
                    log::warn!("{}", refusal.line());
                }
                Err(refusal)
            }
        }
    }

    /// Sends a copy of a blob, or the part of it that the header asks for.
    ///
    /// # Errors
    /// If that part does not exist.
    fn send(&self, mounted: &Arc<Mounted>, copy: Copy<'_>, header: Option<&str>) -> Result<CopyOutcome, Refusal> {
        let Copy { cache, source, digest, size, peer } = copy;
        let wanted = wanted(header, size);
        let range = match &wanted {
            Wanted::Whole => 0..size,
            Wanted::Part(range) => range.clone(),
            Wanted::Nothing => return Err(out_of_range(size)),
        };
        if self.redirect {
            match cache.blob_url(&digest, URL_VALID_FOR) {
                Ok(Some(url)) => return Ok(CopyOutcome::Answer(Response::empty(307).header("location", url))),
                Ok(None) => {}
                Err(error) => return Ok(CopyOutcome::Failed(error)),
            }
        }
        let abandoned = Arc::new(move || peer.has_left());
        let mut reader = cache.read_ahead(&self.ahead, (digest, size), range.clone(), abandoned);
        match reader.start() {
            Ok(true) => {}
            Ok(false) => return Ok(CopyOutcome::Lost(format!("it is gone from {}", cache.location()))),
            Err(error) if is_loss(&error) => return Ok(CopyOutcome::Lost(error.chain())),
            Err(error) => return Ok(CopyOutcome::Failed(error)),
        }
        let mut first = vec![0; FIRST_BYTES];
        match reader.read(&mut first) {
            Ok(read) => first.truncate(read),
            Err(error) => {
                if error.kind() == io::ErrorKind::InvalidData {
                    mounted.blame(digest, source);
                }
                let error = error.downcast().unwrap_or_else(|error| Error::network(error.to_string()));
                return Ok(if is_loss(&error) { CopyOutcome::Lost(error.chain()) } else { CopyOutcome::Failed(error) });
            }
        }
        let length = range.end - range.start;
        let sent = Sent {
            first: io::Cursor::new(first),
            reader,
            length,
            begun: Instant::now(),
            left: length,
            is_end: range.end == size,
            copy: (digest, source),
            mounted: mounted.clone(),
            counters: self.counters.clone(),
        };
        let response =
            Response::stream(if wanted == Wanted::Whole { 200 } else { 206 }, OCTETS, length, sent.into_reader());
        Ok(CopyOutcome::Answer(ranged(response, &wanted, size, &digest)))
    }
}

/// Returns the header `Range`, unless it applies only to another blob.
fn range_header<'a>(request: &'a Request<'_>, digest: &Digest) -> Option<&'a str> {
    let applies = request.header("if-range").is_none_or(|tag| tag == etag(digest));
    request.header("range").filter(|_| applies && request.method == Method::Get)
}

fn etag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

/// Returns whether the error concerns the object itself.
fn is_loss(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Archived
            | ErrorKind::Conflict
            | ErrorKind::Integrity
            | ErrorKind::InvalidRange
            | ErrorKind::NotFound
    )
}

fn missing(digest: &Digest, reasons: &[String]) -> Refusal {
    let mut message = format!("there is no blob {digest}");
    if !reasons.is_empty() {
        message = format!("{message}: {}", reasons.join("; "));
    }
    Refusal::new(Code::BlobUnknown, message)
}

fn out_of_range(size: u64) -> Refusal {
    Refusal::new(Code::RangeInvalid, "the range is outside of the blob")
        .header("content-range", format!("bytes */{size}"))
}

/// Returns the response to HEAD.
fn sized(size: u64, digest: &Digest) -> Response {
    ranged(Response::size(200, OCTETS, size), &Wanted::Whole, size, digest)
}

/// Returns a response with a config or a manifest, or the part of it that the header asks for.
fn kept(bytes: &[u8], header: Option<&str>, digest: &Digest) -> Result<Response, Refusal> {
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let wanted = wanted(header, size);
    let (status, part) = match &wanted {
        Wanted::Whole => (200, Some(bytes)),
        Wanted::Part(Range { start, end }) => {
            (206, usize::try_from(*start).ok().zip(usize::try_from(*end).ok()).and_then(|(s, e)| bytes.get(s..e)))
        }
        Wanted::Nothing => return Err(out_of_range(size)),
    };
    Ok(ranged(Response::bytes(status, OCTETS, part.unwrap_or_default()), &wanted, size, digest))
}

/// Adds the headers that every response with a blob has.
fn ranged(response: Response, wanted: &Wanted, size: u64, digest: &Digest) -> Response {
    let response = with_digest(response, digest).header("accept-ranges", "bytes").header("etag", etag(digest));
    match wanted {
        Wanted::Part(Range { start, end }) => {
            response.header("content-range", format!("bytes {start}-{}/{size}", end.saturating_sub(1)))
        }
        Wanted::Whole | Wanted::Nothing => response,
    }
}
