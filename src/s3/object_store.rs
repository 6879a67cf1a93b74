//! The object contract of a bucket on an S3 server.

use crate::base::Result;
use crate::object::{
    GetOptions, ListOptions, ListPage, MultipartUpload, Object, ObjectMeta, ObjectStore, Payload, PutMode, Version,
};
use crate::s3::client::Client;
use crate::s3::multipart::S3Upload;

impl ObjectStore for Client {
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

    fn put_in_parts<'a>(&'a self, key: &str, size: u64, mode: &PutMode) -> Result<Box<dyn MultipartUpload + 'a>> {
        Ok(Box::new(S3Upload::begin(self, key, size, mode)?))
    }

    fn copy(&self, from: &str, to: &str, meta: &ObjectMeta) -> Result<Option<Version>> {
        self.copy_sized(from, to, meta.size)
    }

    fn list_page(&self, prefix: &str, options: &ListOptions) -> Result<ListPage> {
        self.list_objects(prefix, options)
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.delete_object(key)
    }

    fn delete_if(&self, key: &str, version: &Version) -> Result<()> {
        self.delete_object_if(key, version)
    }

    fn requests(&self) -> u64 {
        self.requests_sent()
    }
}
