//! Uploads of blobs.

use std::sync::Arc;

use crate::base::{Digest, ErrorKind};
use crate::http::server::{Method, Request, Response};
use crate::ops::push::{Completion, Finished};
use crate::serve::answer::{Code, Refusal, with_digest};
use crate::serve::push::Push;
use crate::serve::push::body::{Deadlines, drain, not_stored, receive, stored};
use crate::serve::push::uploads::{Pieces, Upload};

/// A blob that a client uploads.
pub(super) struct Target<'a> {
    pub(super) repository: &'a str,
    pub(super) digest: Digest,
}

impl Push {
    /// Starts an upload, mounts a blob, or takes a whole blob in one request. `digest` is that of the body.
    pub(in crate::serve) fn start_upload(
        &self,
        request: &mut Request<'_>,
        repository: &str,
        mount: Option<Digest>,
        digest: Option<Digest>,
    ) -> Result<Response, Refusal> {
        self.begin(Some(repository));
        // A client that cannot mount a blob uploads it, so a store that fails now may still recover.
        if let Some(digest) = mount
            && self.pushes.is_stored(&digest).unwrap_or(false)
        {
            self.counters.blobs_present.add(1);
            return Ok(created(&Target { repository, digest }));
        }
        match digest {
            // A client that sends nothing with the digest means to send the blob later.
            Some(digest) if request.content_length() != Some(0) || digest == Digest::of(b"") => {
                let target = Target { repository, digest };
                self.take_whole(request, &target)?;
                Ok(created(&target))
            }
            _ => {
                let id = self.uploads.open()?;
                Ok(progress(202, repository, &id, 0))
            }
        }
    }

    /// Continues, completes, reports or cancels an upload, by the method of the request.
    pub(in crate::serve) fn upload(
        &self,
        request: &mut Request<'_>,
        repository: &str,
        id: &str,
        digest: Option<Digest>,
    ) -> Result<Response, Refusal> {
        let unknown =
            || Refusal::new(Code::BlobUploadUnknown, "there is no such upload: it was completed or abandoned");
        if request.method == Method::Delete {
            return if self.uploads.close(id) { Ok(Response::empty(204)) } else { Err(unknown()) };
        }
        let upload = self.uploads.get(id);
        if request.method == Method::Put {
            let missing = || Refusal::new(Code::DigestInvalid, "the query has no digest");
            let target = Target { repository, digest: digest.ok_or_else(missing)? };
            return self.complete(request, upload, id, &target);
        }
        let upload = upload.ok_or_else(unknown)?;
        let mut pieces = upload.pieces()?;
        if request.method == Method::Get {
            return Ok(progress(204, repository, id, pieces.spool.size()));
        }
        check_range(request, pieces.spool.size()).map_err(|refusal| {
            let Response { headers, .. } = progress(416, repository, id, pieces.spool.size());
            headers.into_iter().fold(refusal, |refusal, (name, value)| refusal.header(name, value))
        })?;
        pieces.append(request, self.pushes.rooms())?;
        Ok(progress(202, repository, id, pieces.spool.size()))
    }

    /// Takes the last request of an upload, which is the only one with a body for most clients.
    fn complete(
        &self,
        request: &mut Request<'_>,
        upload: Option<Arc<Upload>>,
        id: &str,
        target: &Target<'_>,
    ) -> Result<Response, Refusal> {
        let Some(upload) = upload else {
            // The answer to an earlier attempt was late or lost.
            let unknown = || Refusal::new(Code::BlobUploadUnknown, "there is no such upload");
            let delivery = self.pushes.delivery(&target.digest).ok_or_else(unknown)?;
            drain(request)?;
            self.settle(&delivery)?;
            return Ok(created(target));
        };
        let mut pieces = upload.pieces()?;
        if pieces.spool.size() == 0 && request.content_length().is_some() {
            // The client may send everything again, perhaps while this attempt still waits.
            drop(pieces);
            self.take_whole(request, target)?;
            self.uploads.close(id);
            return Ok(created(target));
        }
        self.append_last(request, &mut pieces)?;
        let found = std::mem::take(&mut pieces.hasher).finish();
        self.uploads.close(id);
        if found != target.digest {
            return Err(wrong_digest(&found, &target.digest));
        }
        let Pieces { spool, room, file, .. } = std::mem::replace(&mut *pieces, Pieces::none());
        drop(pieces);
        let size = spool.size();
        let delivery = stored(self.pushes.send(target.digest, spool, (room, file)))?;
        self.settle(&delivery)?;
        self.count(&target.digest, size);
        Ok(created(target))
    }

    /// Appends the last piece. If it ends early, the client may send it again.
    fn append_last(&self, request: &mut Request<'_>, pieces: &mut Pieces) -> Result<(), Refusal> {
        let (size, hasher) = (pieces.spool.size(), pieces.hasher.clone());
        let checked = check_range(request, size);
        let received = checked.and_then(|()| pieces.append(request, self.pushes.rooms()));
        received.map(drop).inspect_err(|_| pieces.rewind(size, hasher))
    }

    /// Takes a blob that is sent in one request, and waits until the store has it.
    fn take_whole(&self, request: &mut Request<'_>, target: &Target<'_>) -> Result<(), Refusal> {
        let digest = target.digest;
        if let Some(delivery) = self.pushes.delivery(&digest) {
            let found = drain(request)?.finish();
            if found != digest {
                return Err(wrong_digest(&found, &digest));
            }
            return self.settle(&delivery);
        }
        let (size, finished) = match request.content_length() {
            Some(size) => {
                let mut blob = stored(self.pushes.receive(digest, size))?;
                let received = receive(request, |bytes| stored(blob.write(bytes)))?;
                (received, stored(blob.finish())?)
            }
            None => self.take_chunked(request, digest)?,
        };
        match finished {
            Finished::Accepted(delivery) => {
                self.settle(&delivery)?;
                self.count(&digest, size);
                Ok(())
            }
            Finished::WrongDigest(found) => Err(wrong_digest(&found, &digest)),
        }
    }

    /// Takes a blob whose size is not known before its end. Also returns the size.
    fn take_chunked(&self, request: &mut Request<'_>, digest: Digest) -> Result<(u64, Finished), Refusal> {
        let mut pieces = Pieces::none();
        let size = pieces.append(request, self.pushes.rooms())?;
        let found = pieces.hasher.finish();
        if found != digest {
            return Ok((size, Finished::WrongDigest(found)));
        }
        let delivery = stored(self.pushes.send(digest, pieces.spool, (pieces.room, pieces.file)))?;
        Ok((size, Finished::Accepted(delivery)))
    }

    /// Counts a blob that was written to the store; configs are not.
    fn count(&self, digest: &Digest, size: u64) {
        if self.pushes.documents().size(digest).is_none() {
            self.counters.blobs_uploaded.add(1);
            self.counters.bytes_up.add(size);
        }
    }

    /// Waits until the store has a blob that was received.
    fn settle(&self, delivery: &Arc<Completion<()>>) -> Result<(), Refusal> {
        match self.wait(delivery, Deadlines::from_now(self.pushes.deadlines()).answer) {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) if error.kind() == ErrorKind::Cancelled => {
                Err(Refusal::new(Code::Unavailable, "the server is stopping"))
            }
            Some(Err(error)) => Err(not_stored(&error)),
            None => {
                let message = "the store did not confirm the blob in time";
                Err(Refusal::new(Code::Unavailable, message).hint("send it again to wait for the store"))
            }
        }
    }
}

/// Checks that a piece begins where the last one ended.
fn check_range(request: &Request<'_>, offset: u64) -> Result<(), Refusal> {
    let Some(range) = request.header("content-range") else { return Ok(()) };
    let invalid = || Refusal::new(Code::BlobUploadInvalid, "Content-Range is not FIRST-LAST").status(416);
    // Some clients write it as HTTP does.
    let range = range.strip_prefix("bytes").map_or(range, |rest| rest.trim_start_matches([' ', '=']));
    let range = range.split_once('/').map_or(range, |(range, _)| range);
    let (first, last) = range.split_once('-').ok_or_else(invalid)?;
    let (Ok(first), Ok(last)) = (first.trim().parse::<u64>(), last.trim().parse::<u64>()) else {
        return Err(invalid());
    };
    if first != offset {
        let message = format!("the piece begins at byte {first}, and {offset} bytes were received");
        return Err(Refusal::new(Code::BlobUploadInvalid, message).status(416));
    }
    // An empty piece has no range that fits.
    let size = last.checked_sub(first).map(|size| size.saturating_add(1));
    match request.content_length() {
        Some(length) if length > 0 && size != Some(length) => {
            let message = format!("Content-Range does not fit the {length} bytes of the body");
            Err(Refusal::new(Code::SizeInvalid, message).status(400))
        }
        _ => Ok(()),
    }
}

fn wrong_digest(found: &Digest, announced: &Digest) -> Refusal {
    Refusal::new(Code::DigestInvalid, format!("the blob has the digest {found} instead of {announced}"))
}

fn created(target: &Target<'_>) -> Response {
    let Target { repository, digest } = target;
    with_digest(Response::empty(201).header("location", format!("/v2/{repository}/blobs/{digest}")), digest)
}

/// Returns how much of an upload was received.
fn progress(status: u16, repository: &str, id: &str, received: u64) -> Response {
    Response::empty(status)
        .header("location", format!("/v2/{repository}/blobs/uploads/{id}"))
        .header("range", format!("0-{}", received.saturating_sub(1)))
        .header("docker-upload-uuid", id)
}
