//! Dispatches a request that passed the rules to its operation.

use std::time::SystemTime;

use super::Config;
use super::bucket::Bucket;
use super::failure::{Failure, no_such_bucket, not_implemented};
use super::http::{Head, Response};
use super::route::{Operation, Route};
use super::{express, listing, multipart, objects};

/// A request whose form, signature and body have been checked.
pub(crate) struct Call<'a> {
    pub(crate) head: &'a Head,
    pub(crate) route: &'a Route,
    pub(crate) body: &'a [u8],
    pub(crate) config: &'a Config,
    /// By the server's clock.
    pub(crate) now: SystemTime,
}

/// Carries out the request.
pub(crate) fn handle(call: &Call<'_>, bucket: &mut Bucket) -> Result<Response, Failure> {
    if call.route.bucket != call.config.bucket {
        return Err(no_such_bucket(&call.route.bucket));
    }
    match call.route.operation {
        Operation::CreateSession => express::create_session(call, bucket),
        Operation::HeadBucket => listing::head_bucket(call),
        Operation::GetBucketLocation => listing::location(call),
        Operation::GetBucketLifecycleConfiguration => listing::lifecycle(call),
        Operation::ListObjects => listing::list(call, bucket, false),
        Operation::ListObjectsV2 => listing::list(call, bucket, true),
        Operation::HeadObject | Operation::GetObject => objects::read(call, bucket),
        Operation::PutObject => objects::put(call, bucket),
        Operation::CopyObject => objects::copy(call, bucket),
        Operation::DeleteObject => objects::delete(call, bucket),
        Operation::CreateMultipartUpload => multipart::create(call, bucket),
        Operation::UploadPart => multipart::upload_part(call, bucket),
        Operation::UploadPartCopy => multipart::upload_part_copy(call, bucket),
        Operation::CompleteMultipartUpload => multipart::complete(call, bucket),
        Operation::AbortMultipartUpload => multipart::abort(call, bucket),
        Operation::ListParts => multipart::list_parts(call, bucket),
        Operation::ListMultipartUploads => multipart::list_uploads(call, bucket),
        Operation::Unknown => Err(not_implemented("the operation")),
    }
}
