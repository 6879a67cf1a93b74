//! The S3 client: one bucket, one file for each action, one request loop.
//!
//! Requests have a form that every store accepts. They sign `host`, every `x-amz-*` header, and content type, range and
//! conditions if sent; they have no trailers and always a length; checksum headers are sent only if the store has asked
//! for them. A blob's payload hash is its digest, so stores that check it reject corrupt uploads at no extra cost.

mod abort_multipart_upload;
mod answer;
mod attempt;
mod call;
mod checksum;
mod client;
mod clock;
mod complete_multipart_upload;
mod conditions;
mod content_range;
mod copy_in_parts;
mod copy_object;
mod create_multipart_upload;
mod create_session;
mod delete_object;
mod endpoint;
mod explain;
mod get_bucket_lifecycle_configuration;
mod get_object;
mod head_object;
mod keys;
mod learn;
mod learnt;
mod list_multipart_uploads;
mod list_objects;
mod multipart;
mod object_meta;
mod object_store;
mod presign_get_object;
mod put_object;
mod reach;
mod sessions;
mod upload_part;
mod upload_part_copy;

#[cfg(any(test, fuzzing))]
pub(crate) use answer::Answer;
pub(crate) use client::{S3Client, S3ClientParts};
#[cfg(any(test, fuzzing))]
pub(crate) use content_range::ContentRange;
#[cfg(any(test, fuzzing))]
pub(crate) use copy_object::CopyReply;
pub(crate) use endpoint::{Endpoint, EndpointChoice};
#[cfg(any(test, fuzzing))]
pub(crate) use list_objects::list_page;
#[cfg(any(test, fuzzing))]
pub(crate) use object_meta::object_meta;
pub(crate) use reach::Reach;
