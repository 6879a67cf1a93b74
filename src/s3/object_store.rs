//! The object contract of a bucket on an S3 server.

use std::time::{Duration, SystemTime};

use crate::base::Result;
use crate::object::{
    GetOptions, ListOptions, ListPage, MultipartUpload, Object, ObjectMeta, ObjectStore, Payload, PutMode,
    UnfinishedUpload, UploadsPage, Version,
};
use crate::s3::client::S3Client;
use crate::s3::clock::shifted;
use crate::s3::multipart::S3Upload;

impl ObjectStore for S3Client {
    fn location(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket())
    }

    fn probe(&self) -> Result<()> {
        self.probe_bucket()
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.head_object(key)
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        self.get_object(key, options)
    }

    fn put(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Option<Version>> {
        self.put_object(key, payload, mode)
    }

    /// AWS checks the signed hash of the body. Others may ignore it, and nobody checks it on the way there without TLS.
    fn verifies_payloads(&self) -> bool {
        self.parts.credentials.is_some() && self.endpoint().is_aws()
    }

    fn hashes_parts(&self) -> bool {
        self.signs_parts(&self.endpoint()) || self.learnt.wants_checksums.get()
    }

    fn put_in_parts<'a>(&'a self, key: &str, size: u64, mode: &PutMode) -> Result<Box<dyn MultipartUpload + 'a>> {
        Ok(Box::new(S3Upload::begin(self, key, size, mode)?))
    }

    fn copy(&self, from: &str, to: &str, meta: &ObjectMeta) -> Result<Option<Version>> {
        self.copy_sized(from, to, meta.size)
    }

    fn list_page(&self, prefix: &str, options: &ListOptions) -> Result<ListPage> {
        self.list_objects(prefix, options)
    }

    fn lists_in_order(&self) -> bool {
        self.endpoint().zone().is_none()
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.delete_object(key)
    }

    fn delete_if(&self, key: &str, version: &Version) -> Result<()> {
        self.delete_object_if(key, version)
    }

    fn delete_once(&self, key: &str, version: Option<&Version>) -> Result<()> {
        self.delete_object_once(key, version)
    }

    fn list_uploads_page(&self, prefix: &str, continuation: Option<&str>) -> Result<UploadsPage> {
        self.list_multipart_uploads(prefix, continuation)
    }

    fn abort_upload(&self, upload: &UnfinishedUpload) -> Result<()> {
        self.abort_multipart_upload(&upload.key, &upload.id)
    }

    fn aborts_uploads_after(&self, prefix: &str) -> Result<Option<u32>> {
        self.get_bucket_lifecycle_configuration(prefix)
    }

    fn presign_get(&self, key: &str, valid_for: Duration) -> Result<String> {
        self.presign_get_object(key, valid_for)
    }

    fn now(&self) -> Option<SystemTime> {
        self.learnt.lead().map(|lead| shifted(self.parts.clock.now(), lead))
    }

    fn honours_conditions(&self) -> bool {
        self.endpoint().is_aws()
    }

    fn expect_writes(&self) {
        self.sessions.expect_writes(true);
    }

    fn requests(&self) -> u64 {
        self.requests_sent()
    }
}
