//! Lists all objects under the prefix of the blobs, over several connections if there are many.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::{Cancel, Error, Result, Unpoisoned as _};
use crate::bucket::slices::{Begin, Slice, split};
use crate::object::{ListOptions, ListPage, ListedObject};
use crate::transfer::{Next, Pool, Run};

/// Requests one page of objects. Repeats requests that fail for a while.
pub(crate) type Fetch<'a> = &'a (dyn Fn(&ListOptions) -> Result<ListPage> + Sync);

/// Progress of a listing.
pub(crate) enum Listed {
    /// More objects, in no particular order.
    Objects(Vec<ListedObject>),
    /// The estimated number of all objects.
    Expected(u64),
    /// All objects listed so far will be listed again, because the store does not list them in order.
    Again,
}

/// A listing of all objects under the prefix of the blobs.
pub(crate) struct BlobListing<'a> {
    /// The prefix of all blobs.
    pub(crate) prefix: &'a str,
    pub(crate) fetch: Fetch<'a>,
    /// Whether the store may list in order, so that ranges can be listed at the same time.
    pub(crate) in_order: bool,
    pub(crate) pool: &'a Pool,
    /// The largest number of ranges to list at the same time.
    pub(crate) connections: usize,
    pub(crate) cancel: &'a Cancel,
}

type Sink<'a> = Mutex<&'a mut (dyn FnMut(Listed) + Send)>;

impl BlobListing<'_> {
    /// Lists the objects and passes them to `take`. Each key is passed once after the last [`Listed::Again`]. Memory holds
    /// one page for each connection.
    ///
    /// # Errors
    /// If the store refuses or fails, or does not list everything.
    pub(crate) fn run(&self, take: &mut (dyn FnMut(Listed) + Send)) -> Result<()> {
        self.cancel.check()?;
        let page = complete((self.fetch)(&ListOptions::default())?, self.prefix)?;
        let Some(token) = page.continuation.clone() else {
            take(Listed::Objects(page.objects));
            return Ok(());
        };
        if !self.in_order || !in_order(&page, None) {
            take(Listed::Objects(page.objects));
            return self.one_by_one(Some(token), take);
        }
        let outlook = split(self.prefix, &page, &token, self.connections);
        if let Some(expected) = outlook.expected {
            take(Listed::Expected(expected));
        }
        take(Listed::Objects(page.objects));
        if self.all(outlook.slices, take)? {
            return Ok(());
        }
        log::info!("the store does not list keys in order after a given key: listing page by page");
        take(Listed::Again);
        self.one_by_one(None, take)
    }

    /// Lists the ranges at the same time. Returns false if the store does not list them in order.
    fn all(&self, slices: Vec<Slice>, take: &mut (dyn FnMut(Listed) + Send)) -> Result<bool> {
        let (sink, unordered): (Sink<'_>, _) = (Mutex::new(take), AtomicBool::new(false));
        let list = |slice: Slice, run: &Run<'_>| {
            if !unordered.load(Ordering::Relaxed) && !self.slice(slice, run, &sink, &unordered)? {
                unordered.store(true, Ordering::Relaxed);
            }
            Ok(Next::Done(()))
        };
        self.pool.run(slices.into_iter(), self.cancel, |_| false, list, |()| ())?;
        Ok(!unordered.into_inner())
    }

    /// Lists one range. Returns false if the store does not list it in order.
    fn slice(&self, slice: Slice, run: &Run<'_>, sink: &Sink<'_>, unordered: &AtomicBool) -> Result<bool> {
        let Slice { begin, end } = slice;
        let (mut options, mut before) = match begin {
            Begin::Token { token, last } => (ListOptions::default().continuation(token), last),
            Begin::After(key) => (ListOptions::default().start_after(&key), key),
        };
        while !unordered.load(Ordering::Relaxed) {
            run.check()?;
            let mut page = complete((self.fetch)(&options)?, self.prefix)?;
            if !in_order(&page, Some(&before)) {
                return Ok(false);
            }
            let inside = end.as_ref().map_or(page.objects.len(), |end| {
                page.objects.partition_point(|object| object.key.as_str() <= end.as_str())
            });
            let ended = inside < page.objects.len();
            page.objects.truncate(inside);
            if let Some(last) = page.objects.last() {
                before.clone_from(&last.key);
            }
            (sink.lock().unpoisoned())(Listed::Objects(page.objects));
            let Some(token) = page.continuation.filter(|_| !ended) else { return Ok(true) };
            options = self.next(&options, token)?;
        }
        Ok(true)
    }

    /// Lists page by page.
    fn one_by_one(&self, token: Option<String>, take: &mut (dyn FnMut(Listed) + Send)) -> Result<()> {
        let mut options = ListOptions { continuation: token, ..ListOptions::default() };
        loop {
            self.cancel.check()?;
            let page = complete((self.fetch)(&options)?, self.prefix)?;
            take(Listed::Objects(page.objects));
            let Some(token) = page.continuation else { return Ok(()) };
            options = self.next(&options, token)?;
        }
    }

    /// Returns the options for the page after this one.
    fn next(&self, options: &ListOptions, token: String) -> Result<ListOptions> {
        // The same page would be requested forever.
        if options.continuation.as_deref() == Some(&token) {
            Err(gap(self.prefix))
        } else {
            Ok(ListOptions::default().continuation(token))
        }
    }
}

fn complete(page: ListPage, prefix: &str) -> Result<ListPage> {
    if page.incomplete { Err(gap(prefix)) } else { Ok(page) }
}

fn gap(prefix: &str) -> Error {
    Error::unsupported(format!("the store does not list all objects under {prefix}"))
}

/// Returns whether the keys are in bytewise order, and after `before`.
fn in_order(page: &ListPage, before: Option<&str>) -> bool {
    let keys = page.objects.iter().map(|object| object.key.as_str());
    before.into_iter().chain(keys).is_sorted_by(|one, other| one < other)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::base::{Digest, ErrorKind};
    use crate::object::ObjectMeta;

    const PREFIX: &str = "b/";

    /// How a store lists.
    #[derive(Clone, Copy, PartialEq)]
    enum Store {
        InOrder,
        /// Keys are in order, and a listing always begins with the first.
        FromTheFirst,
        InNoOrder,
    }

    fn keys(count: u32) -> Vec<String> {
        let mut keys: Vec<String> = (0..count).map(|n| format!("{PREFIX}{}", Digest::of(&n.to_be_bytes()))).collect();
        keys.extend(["b/".to_owned(), "b/probe".to_owned(), "b/z".to_owned()]);
        keys.sort();
        keys
    }

    fn page(keys: &[String], store: Store, options: &ListOptions) -> ListPage {
        let at = match (&options.continuation, &options.start_after) {
            (Some(token), _) => token.parse().unwrap(),
            (None, Some(key)) if store == Store::InOrder => keys.partition_point(|known| known <= key),
            (None, _) => 0,
        };
        let end = keys.len().min(at + 100);
        let mut objects: Vec<ListedObject> =
            keys[at..end].iter().map(|key| ListedObject::new(key, ObjectMeta::new(1))).collect();
        if store == Store::InNoOrder {
            objects.reverse();
        }
        ListPage::new(objects, (end < keys.len()).then(|| end.to_string()))
    }

    /// Lists with up to eight connections. Returns the number of pages, and checks that every key was listed once.
    fn list(keys: &[String], store: Store) -> usize {
        let pages = AtomicUsize::new(0);
        let fetch = |options: &ListOptions| {
            pages.fetch_add(1, Ordering::Relaxed);
            Ok(page(keys, store, options))
        };
        let (pool, cancel) = (Pool::with_threads(8), Cancel::new());
        let listing =
            BlobListing { prefix: PREFIX, fetch: &fetch, in_order: true, pool: &pool, connections: 8, cancel: &cancel };
        let (mut listed, mut all) = (BTreeSet::new(), 0);
        listing
            .run(&mut |part| match part {
                Listed::Objects(objects) => {
                    all += objects.len();
                    listed.extend(objects.into_iter().map(|object| object.key));
                }
                Listed::Expected(_) => {}
                Listed::Again => (listed, all) = (BTreeSet::new(), 0),
            })
            .unwrap();
        assert!(listed.iter().eq(keys) && all == keys.len(), "{} of {}", listed.len(), keys.len());
        pages.into_inner()
    }

    #[test]
    fn every_key_is_listed_once_with_few_more_pages() {
        for (count, most) in [(0, 1), (50, 1), (97, 1), (98, 2), (500, 7), (20_000, 201 + 8)] {
            let pages = list(&keys(count), Store::InOrder);
            assert!(pages <= most, "{count}: {pages}");
        }
    }

    #[test]
    fn a_store_without_order_or_start_is_listed_page_by_page() {
        for store in [Store::FromTheFirst, Store::InNoOrder] {
            let pages = list(&keys(5000), store);
            assert!(pages <= 51 + 51 + 8, "{pages}");
        }
    }

    #[test]
    fn a_listing_with_a_gap_or_a_repeated_token_is_an_error() {
        let (pool, cancel) = (Pool::with_threads(2), Cancel::new());
        let incomplete = |_: &ListOptions| Ok(ListPage { incomplete: true, ..ListPage::default() });
        let repeated = |options: &ListOptions| {
            let number = if options.continuation.is_some() { 2 } else { 1 };
            let object = ListedObject::new(format!("b/z{number}"), ObjectMeta::new(1));
            Ok(ListPage::new(vec![object], Some("same".to_owned())))
        };
        for fetch in [&incomplete as Fetch<'_>, &repeated] {
            let listing =
                BlobListing { prefix: PREFIX, fetch, in_order: true, pool: &pool, connections: 2, cancel: &cancel };
            assert_eq!(listing.run(&mut |_| ()).unwrap_err().kind(), ErrorKind::Unsupported);
        }
    }
}
