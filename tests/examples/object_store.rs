//! An object store of your own: a cache in memory. It implements only the required methods. By default, the others
//! report that they are not supported, and the cache works without them.
//!
//! `cargo run --example object_store`

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};

use s3_build_cache::object::{
    GetOptions, ListOptions, ListPage, ListedObject, Object, ObjectMeta, ObjectStore, Payload, PutMode, Version,
};
use s3_build_cache::{CacheOptions, Digest, Error, LocalCache, Result, S3Cache};

/// Objects in memory. A store on a network must also retry failed requests.
#[derive(Default)]
pub(crate) struct MemoryStore(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryStore {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ObjectStore for MemoryStore {
    fn location(&self, key: &str) -> String {
        format!("memory:{key}")
    }

    fn probe(&self) -> Result<()> {
        Ok(())
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        Ok(self.objects().get(key).map(|bytes| ObjectMeta::new(bytes.len() as u64)))
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        if options.if_match.is_some() {
            return Err(Error::unsupported("memory has no versions"));
        }
        let Some(bytes) = self.objects().get(key).cloned() else { return Ok(None) };
        let size = bytes.len() as u64;
        let range = options.range.clone().unwrap_or(0..size);
        if range.start >= size && options.range.is_some() {
            return Err(Error::invalid_range(format!("{key} has only {size} bytes")));
        }
        let mut body = Cursor::new(bytes);
        body.set_position(range.start);
        // The size is that of the whole object, also for a range.
        Ok(Some(Object::new(size, None, Box::new(body.take(range.end.min(size) - range.start)))))
    }

    fn put(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Option<Version>> {
        // Read before anything is stored: an object is written completely or not at all.
        let bytes = read(payload)?;
        let mut objects = self.objects();
        match mode {
            PutMode::Overwrite => {}
            PutMode::Create if objects.contains_key(key) => {
                return Err(Error::precondition_failed(format!("{key} exists already")));
            }
            PutMode::Create => {}
            _ => return Err(Error::unsupported("memory has no versions")),
        }
        objects.insert(key.to_owned(), bytes);
        Ok(None)
    }

    fn list_page(&self, prefix: &str, options: &ListOptions) -> Result<ListPage> {
        let after = options.continuation.as_ref().or(options.start_after.as_ref());
        let limit = options.max_keys.unwrap_or(1000) as usize;
        let objects = self.objects();
        let is_wanted = |key: &str| key.starts_with(prefix) && after.is_none_or(|after| key > after.as_str());
        let mut wanted = objects.iter().filter(|(key, _)| is_wanted(key));
        let page: Vec<ListedObject> = wanted
            .by_ref()
            .take(limit)
            .map(|(key, bytes)| ListedObject::new(key, ObjectMeta::new(bytes.len() as u64)))
            .collect();
        let continuation = wanted.next().and_then(|_| page.last().map(|object| object.key.clone()));
        Ok(ListPage::new(page, continuation))
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.objects().remove(key);
        Ok(())
    }
}

/// Reads a payload, and checks its size and digest.
fn read(payload: &dyn Payload) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = payload.open().and_then(|mut body| body.read_to_end(&mut bytes));
    opened.map_err(|error| Error::integrity("the payload cannot be read").with_source(error))?;
    let digest = payload.sha256().map_err(|error| Error::integrity("the payload has no digest").with_source(error))?;
    if bytes.len() as u64 != payload.size() || Digest::of(&bytes) != digest {
        return Err(Error::integrity("the payload is not what was announced"));
    }
    Ok(bytes)
}

/// Exports a local cache into a store in memory. Returns how many blobs it has there.
pub(crate) fn export(dir: &str) -> Result<usize> {
    // The store is given, so the attributes of the endpoint and of credentials are ignored.
    let options: CacheOptions = "type=s3,bucket=my-cache,region=none,name=app".parse()?;
    let cache = S3Cache::builder(&options).store(MemoryStore::default()).open()?;
    Ok(cache.export(&LocalCache::open(dir, "latest")?)?.blobs.transferred)
}

#[allow(dead_code, clippy::print_stdout)]
fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    println!("{} blobs are in memory now", export("tests/fixtures/max/local")?);
    Ok(())
}
