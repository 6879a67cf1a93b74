//! Listings, page by page and as a stream.

use std::collections::VecDeque;

use crate::base::{Error, Result};
use crate::object::meta::ObjectMeta;
use crate::object::multipart::UnfinishedUpload;

/// Which page of a listing to return.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListOptions {
    /// List only keys after this one, in the bytewise order of keys. Ignored together with `continuation`.
    pub start_after: Option<String>,
    /// Continue a listing: the [`continuation`](ListPage::continuation) of the page before, with the same prefix.
    pub continuation: Option<String>,
    /// The maximum number of objects on the page, at least one. Stores return at most 1,000, which is also the default.
    pub max_keys: Option<u32>,
}

impl ListOptions {
    /// Lists only keys after this one.
    #[must_use]
    pub fn start_after(mut self, key: impl Into<String>) -> Self {
        self.start_after = Some(key.into());
        self
    }

    /// Continues a listing.
    #[must_use]
    pub fn continuation(mut self, token: impl Into<String>) -> Self {
        self.continuation = Some(token.into());
        self
    }

    /// Sets the maximum number of objects on the page.
    #[must_use]
    pub fn max_keys(mut self, max_keys: u32) -> Self {
        self.max_keys = Some(max_keys);
        self
    }
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedObject {
    /// The key.
    pub key: String,
    /// The metadata. Of some storage classes, listings do not report that an object is archived.
    pub meta: ObjectMeta,
}

impl ListedObject {
    /// Returns the entry of a listing for an object.
    pub fn new(key: impl Into<String>, meta: ObjectMeta) -> Self {
        Self { key: key.into(), meta }
    }
}

/// One page of a listing of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListPage {
    /// The objects, in no particular order.
    pub objects: Vec<ListedObject>,
    /// The token for the next page; `None` if this is the last.
    pub continuation: Option<String>,
    /// Whether there may be more objects that neither this page nor the next ones list.
    pub incomplete: bool,
}

impl ListPage {
    /// Returns a page, and the token for the next one if there are more objects.
    pub fn new(objects: Vec<ListedObject>, continuation: Option<String>) -> Self {
        Self { objects, continuation, incomplete: false }
    }
}

/// One page of a listing of unfinished multipart uploads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UploadsPage {
    /// The uploads, in no particular order.
    pub uploads: Vec<UnfinishedUpload>,
    /// The token for the next page; `None` if this is the last.
    pub continuation: Option<String>,
}

impl UploadsPage {
    /// Returns a page, and the token for the next one if there are more uploads.
    pub fn new(uploads: Vec<UnfinishedUpload>, continuation: Option<String>) -> Self {
        Self { uploads, continuation }
    }
}

/// The items of one page, the token for the next page, and whether items are missing for good.
type FetchedPage<T> = (Vec<T>, Option<String>, bool);

/// The items of all pages, one page in memory. Ends after the first error.
pub(super) struct Pages<F, T> {
    fetch: F,
    items: VecDeque<T>,
    next: NextPage,
    /// Describes the listing in errors.
    what: String,
}

/// What follows the items in memory.
enum NextPage {
    First,
    /// The page with this token.
    Page(String),
    /// An error, because the store did not list everything.
    Gap,
    End,
}

impl<F, T> Pages<F, T>
where
    F: FnMut(Option<String>) -> Result<FetchedPage<T>>,
{
    /// `fetch` returns the page with the given token.
    pub(super) fn new(what: String, fetch: F) -> Self {
        Self { fetch, items: VecDeque::new(), next: NextPage::First, what }
    }

    fn turn(&mut self) -> Result<bool> {
        let token = match std::mem::replace(&mut self.next, NextPage::End) {
            NextPage::First => None,
            NextPage::Page(token) => Some(token),
            NextPage::Gap => {
                return Err(Error::unsupported(format!("the store does not list all {}", self.what)));
            }
            NextPage::End => return Ok(false),
        };
        let (items, continuation, incomplete) = (self.fetch)(token.clone())?;
        self.items = items.into();
        self.next = match continuation {
            _ if incomplete => NextPage::Gap,
            // Otherwise the same page would be requested forever.
            Some(_) if continuation == token => NextPage::Gap,
            Some(token) => NextPage::Page(token),
            None => NextPage::End,
        };
        Ok(true)
    }
}

impl<F, T> Iterator for Pages<F, T>
where
    F: FnMut(Option<String>) -> Result<FetchedPage<T>>,
{
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Some(Ok(item));
            }
            match self.turn() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ErrorKind;

    /// The items that the pages yield, and how the stream ends.
    fn read(pages: &[Result<FetchedPage<u32>>]) -> (Vec<u32>, Option<ErrorKind>) {
        let mut pages = pages.iter().cloned();
        let mut stream = Pages::new("items".to_owned(), |_| pages.next().unwrap());
        let (mut items, mut error) = (Vec::new(), None);
        for item in &mut stream {
            match item {
                Ok(item) => items.push(item),
                Err(failed) => error = Some(failed.kind()),
            }
        }
        assert!(stream.next().is_none(), "a stream that ended stays at its end");
        (items, error)
    }

    #[test]
    fn a_stream_yields_all_pages_or_ends_with_an_error() {
        let page = |items: &[u32], token: Option<&str>| Ok((items.to_vec(), token.map(str::to_owned), false));
        assert_eq!(read(&[page(&[], None)]), (vec![], None));
        assert_eq!(read(&[page(&[1, 2], Some("a")), page(&[], Some("b")), page(&[3], None)]), (vec![1, 2, 3], None));
        let failed = Err(Error::network("gone"));
        assert_eq!(read(&[page(&[1], Some("a")), failed]), (vec![1], Some(ErrorKind::Network)));
        let repeated = [page(&[1], Some("a")), page(&[2], Some("a"))];
        assert_eq!(read(&repeated), (vec![1, 2], Some(ErrorKind::Unsupported)));
        for token in [None, Some("a".to_owned())] {
            assert_eq!(read(&[Ok((vec![1], token, true))]), (vec![1], Some(ErrorKind::Unsupported)));
        }
    }
}
