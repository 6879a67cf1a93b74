//! The S3 client: one bucket, one file for each action, one request loop.
//!
//! Requests have the shape that every store takes: signed are `host`, every `x-amz-*`, and content type, range and
//! conditions where they are sent; no trailers, always a length, and checksum headers only once the store has asked for
//! them. A blob's payload hash is its digest, so that stores which check it refuse a corrupt upload at no cost to us.

mod abort_multipart_upload;
mod answer;
mod checksum;
mod client;
mod complete_multipart_upload;
mod content_range;
mod copy_object;
mod create_multipart_upload;
mod delete_object;
mod endpoint;
mod explain;
mod get_object;
mod head_object;
mod learn;
mod list_objects;
mod put_object;
mod reach;
mod upload_part;
mod upload_part_copy;

#[cfg(any(test, fuzzing))]
pub(crate) use answer::Answer;
pub(crate) use client::{Client, ClientParts};
pub(crate) use complete_multipart_upload::{Completed, Expected};
#[cfg(any(test, fuzzing))]
pub(crate) use content_range::ContentRange;
pub(crate) use copy_object::Copied;
#[cfg(any(test, fuzzing))]
pub(crate) use copy_object::CopyReply;
pub(crate) use create_multipart_upload::UploadName;
pub(crate) use endpoint::{Endpoint, EndpointChoice};
pub(crate) use head_object::Head;
#[cfg(any(test, fuzzing))]
pub(crate) use list_objects::Page;
pub(crate) use reach::Reach;
pub(crate) use upload_part::UploadedPart;
pub(crate) use upload_part_copy::{CopySource, PartCopied};
