//! Lists the names of manifests.

use crate::base::{Result, sort};
use crate::object::ObjectStore as _;
use crate::ops::cache::S3Cache;

impl S3Cache {
    /// Returns the names of the manifests in the bucket, in bytewise order, at most that many.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub(crate) fn first_names(&self, most: usize) -> Result<Vec<String>> {
        // A directory is read once, not once for each page.
        let store = self.store.inner();
        let names = store.objects(self.keys.manifests(), None).filter_map(|object| match object {
            Ok(object) => self.keys.listed_name(&object).map(|name| Ok(name.to_owned())),
            Err(error) => Some(Err(error)),
        });
        if store.lists_in_order() {
            return names.take(most).collect();
        }
        let mut names = names.collect::<Result<Vec<_>>>()?;
        sort::sort(&mut names);
        names.truncate(most);
        Ok(names)
    }
}
