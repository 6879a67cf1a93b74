//! Lists objects by walking the directories in key order.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use crate::base::{Error, Result, sort};
use crate::object::{ListPage, ListedObject};
use crate::store::dir::bucket::DirStore;
use crate::store::dir::key;

/// The objects to list.
#[derive(Clone, Copy)]
struct Selection<'a> {
    prefix: &'a str,
    after: Option<&'a str>,
}

impl Selection<'_> {
    fn file(&self, key: &str) -> bool {
        key.starts_with(self.prefix) && self.after.is_none_or(|after| key > after)
    }

    /// Returns whether such files can exist below `key`, which ends with a slash.
    fn directory(&self, key: &str) -> bool {
        (key.starts_with(self.prefix) || self.prefix.starts_with(key))
            && self.after.is_none_or(|after| key > after || after.starts_with(key))
    }
}

/// The objects in key order. Memory holds one directory's names per level.
struct Walk<'a> {
    store: &'a DirStore,
    wanted: Selection<'a>,
    /// The keys left in each open directory, last first.
    levels: Vec<Vec<String>>,
}

impl DirStore {
    /// Returns at most `limit` keys; the last one continues the listing.
    pub(super) fn page(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<ListPage> {
        let (mut page, mut walk) = (ListPage::default(), self.walk(prefix, after)?);
        while let Some(object) = walk.next_object()? {
            if page.objects.len() >= limit {
                page.continuation = page.objects.last().map(|object| object.key.clone());
                break;
            }
            page.objects.push(object);
        }
        Ok(page)
    }

    /// Returns all objects. Reads each directory once, unlike a listing by pages.
    pub(super) fn all<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
    ) -> Box<dyn Iterator<Item = Result<ListedObject>> + Send + 'a> {
        match self.walk(prefix, after) {
            Ok(walk) => Box::new(walk),
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }

    fn walk<'a>(&'a self, prefix: &'a str, after: Option<&'a str>) -> Result<Walk<'a>> {
        let wanted = Selection { prefix, after };
        let mut walk = Walk { store: self, wanted, levels: Vec::new() };
        let start = prefix.rsplit_once('/').map(|(start, _)| start);
        if start.is_some_and(|start| !start.split('/').all(key::is_name)) {
            return Ok(walk);
        }
        let Some(dir) = self.find_dir(start.into_iter().flat_map(|start| start.split('/')))? else { return Ok(walk) };
        let start = start.map(|start| format!("{start}/")).unwrap_or_default();
        walk.levels.push(entries(&dir, &start, wanted)?);
        Ok(walk)
    }
}

impl Walk<'_> {
    fn next_object(&mut self) -> Result<Option<ListedObject>> {
        while let Some(level) = self.levels.last_mut() {
            let Some(key) = level.pop() else {
                self.levels.pop();
                continue;
            };
            let path = self.store.bucket.join(&key);
            if key.ends_with('/') {
                self.levels.push(entries(&path, &key, self.wanted)?);
                continue;
            }
            // Skip links and other non-files, and files that have just been removed.
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            if meta.is_file() {
                return Ok(Some(ListedObject::new(key, self.store.meta(&meta))));
            }
        }
        Ok(None)
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<ListedObject>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_object();
        if next.is_err() {
            self.levels.clear();
        }
        next.transpose()
    }
}

/// Returns the keys in a directory in reverse order. Keys of directories end with a slash, so they sort like the files
/// in them.
fn entries(dir: &Path, key: &str, wanted: Selection<'_>) -> Result<Vec<String>> {
    let listing = match fs::read_dir(dir) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", dir, error)),
    };
    let mut keys = Vec::new();
    for entry in listing {
        let entry = entry.map_err(|error| Error::io("list", dir, error))?;
        keys.extend(entry_key(&entry, key).filter(|key| match key.ends_with('/') {
            true => wanted.directory(key),
            false => wanted.file(key),
        }));
    }
    sort::sort_by(&mut keys, |a, b| b.cmp(a));
    Ok(keys)
}

fn entry_key(entry: &DirEntry, parent: &str) -> Option<String> {
    let name = entry.file_name().into_string().ok().filter(|name| key::is_name(name))?;
    let kind = entry.file_type().ok()?;
    let slash = if kind.is_dir() { "/" } else { "" };
    (kind.is_dir() || kind.is_file()).then(|| format!("{parent}{name}{slash}"))
}
