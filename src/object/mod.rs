//! The contract of an object store, and its vocabulary: metadata, versions, conditions, listings, payloads.
//!
//! The S3 client, the directory store and the operations all use these types.
//!
//! To use a store of your own, implement [`ObjectStore`] and pass it to
//! [`S3CacheBuilder::store`](crate::S3CacheBuilder::store). If your blobs are not files in a local cache directory,
//! implement [`BlobSource`].

mod blob_source;
mod listing;
mod meta;
mod multipart;
mod payload;
mod read;
mod shared;
mod store;
mod write;

pub use blob_source::BlobSource;
pub use listing::{ListOptions, ListPage, ListedObject, UploadsPage};
pub use meta::{ObjectMeta, Version};
pub use multipart::{MultipartUpload, UnfinishedUpload};
pub use payload::{BytesPayload, Payload};
pub use read::{GetOptions, Object};
pub use store::ObjectStore;
pub use write::PutMode;
