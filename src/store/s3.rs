//! The object store contract over the S3 client.

use crate::base::{Payload, Result};
use crate::s3::{Client, Copied, Head};
use crate::store::{GetOptions, ListPage, Object, ObjectMeta, ObjectStore, Touch};

/// One bucket of an S3 server.
#[derive(Debug)]
pub(super) struct S3Store(Client);

impl S3Store {
    pub(super) fn new(client: Client) -> Self {
        Self(client)
    }
}

impl ObjectStore for S3Store {
    fn location(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.0.bucket())
    }

    fn probe(&self) -> Result<()> {
        self.0.probe_bucket()
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        Ok(self.0.head_object(key)?.map(ObjectMeta::from))
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        let opened = self.0.get_object(key, options.range.as_ref(), options.if_match.as_deref())?;
        Ok(opened.map(|object| Object::new(object.size, object.etag, object.body)))
    }

    fn put(&self, key: &str, payload: &dyn Payload) -> Result<()> {
        self.0.put_object(key, payload)
    }

    fn touch(&self, key: &str, _meta: &ObjectMeta) -> Result<Touch> {
        Ok(match self.0.touch_object(key)? {
            Copied::Done => Touch::Done,
            Copied::NotFound => Touch::Gone,
        })
    }

    fn list(&self, prefix: &str, continuation: Option<&str>) -> Result<ListPage> {
        let page = self.0.list_objects(prefix, continuation)?;
        let objects = page.objects.into_iter().map(|(key, head)| (key, head.into())).collect();
        Ok(ListPage { objects, continuation: page.continuation })
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.0.delete_object(key)
    }

    fn requests(&self) -> u64 {
        self.0.requests()
    }
}

impl From<Head> for ObjectMeta {
    fn from(head: Head) -> Self {
        Self { size: head.size, age: head.age, readable: head.readable }
    }
}
