//! Splits the listing of many blobs into ranges of keys, which can be listed at the same time.
//!
//! The digests of blobs are uniform, so ranges of the same width have about the same number of keys.

use crate::object::ListPage;

/// A range has at least this many pages: the last page of each also lists keys after its end.
const MIN_PAGES: u128 = 2;
/// The number of leading hex digits that give the position of a key.
const DIGITS: usize = 16;
const ALGORITHM: &str = "sha256:";

/// A range of keys to list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) begin: Begin,
    /// The end of the range, which is not the key of a blob; `None` for the end of the listing.
    pub(super) end: Option<String>,
}

/// Where a range begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// After the page with this last key, by the token that it returned.
    Token { token: String, last: String },
    /// After this key.
    After(String),
}

/// What the first page tells about the rest of the listing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outlook {
    /// The estimated number of objects, if it is known.
    pub(super) expected: Option<u64>,
    pub(super) slices: Vec<Slice>,
}

/// Splits what follows the first page, which has more pages after it, into at most `most` ranges. `prefix` is that of
/// all blobs.
pub(super) fn split(prefix: &str, first: &ListPage, token: &str, most: usize) -> Outlook {
    let last = first.objects.last().map(|object| object.key.clone()).unwrap_or_default();
    let begin = Begin::Token { token: token.to_owned(), last: last.clone() };
    let (left, position) = match place(prefix, &last) {
        Place::At(position) => {
            let known = first.objects.iter().filter(|object| matches!(place(prefix, &object.key), Place::At(_)));
            let known = known.count() as u128;
            let left = known * u128::from(u64::MAX - position) / u128::from(position.max(1));
            (Some(left), position)
        }
        Place::Before => (None, 0),
        // There are no more blobs, and the other keys may not be uniform.
        Place::Behind => return Outlook { expected: None, slices: vec![Slice { begin, end: None }] },
    };
    let objects = first.objects.len().max(1) as u128;
    let count = left.map_or(u128::MAX, |left| left / objects / MIN_PAGES).clamp(1, most.max(1) as u128);
    let expected = left.and_then(|left| u64::try_from(left + objects).ok());
    Outlook { expected, slices: ranges(prefix, begin, position, u64::try_from(count).unwrap_or(1)) }
}

fn ranges(prefix: &str, begin: Begin, position: u64, count: u64) -> Vec<Slice> {
    let step = (u64::MAX - position) / count;
    let bounds: Vec<String> =
        (1..count).map(|at| format!("{prefix}{ALGORITHM}{:016x}", position + at * step)).collect();
    let begins = std::iter::once(begin).chain(bounds.iter().cloned().map(Begin::After));
    let ends = bounds.iter().cloned().map(Some).chain([None]);
    begins.zip(ends).map(|(begin, end)| Slice { begin, end }).collect()
}

/// Where a key is in relation to those of blobs.
enum Place {
    Before,
    /// Among them, as a share of all possible ones.
    At(u64),
    Behind,
}

fn place(prefix: &str, key: &str) -> Place {
    let Some(rest) = key.strip_prefix(prefix) else { return Place::Before };
    let Some(hex) = rest.strip_prefix(ALGORITHM) else {
        return if rest < ALGORITHM { Place::Before } else { Place::Behind };
    };
    let digits = hex.get(..DIGITS).and_then(|digits| u64::from_str_radix(digits, 16).ok());
    digits.map_or(if hex > "g" { Place::Behind } else { Place::Before }, Place::At)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Digest;
    use crate::object::{ListedObject, ObjectMeta};

    fn page(keys: &[String]) -> ListPage {
        let objects = keys.iter().map(|key| ListedObject::new(key, ObjectMeta::new(1))).collect();
        ListPage::new(objects, Some("token".to_owned()))
    }

    /// Returns the first page of this many blobs, with keys that are not blobs before them.
    fn first(blobs: u32, others: usize) -> ListPage {
        let mut keys: Vec<String> =
            (0..blobs).map(|number| format!("b/{}", Digest::of(&number.to_be_bytes()))).collect();
        keys.extend((0..others).map(|number| format!("b/a{number:08}")));
        keys.sort();
        keys.truncate(1000);
        page(&keys)
    }

    #[test]
    fn few_pages_are_listed_one_after_another() {
        let outlook = split("b/", &first(2500, 0), "token", 16);
        assert_eq!(outlook.slices.len(), 1);
        assert_eq!(outlook.slices[0].end, None);
        let expected = outlook.expected.unwrap();
        assert!((2300..2700).contains(&expected), "{expected}");
    }

    #[test]
    fn many_pages_are_split_evenly_after_the_first() {
        let page = first(100_000, 0);
        let outlook = split("b/", &page, "token", 4);
        let expected = outlook.expected.unwrap();
        assert!((90_000..110_000).contains(&expected), "{expected}");
        let ends: Vec<&str> = outlook.slices.iter().filter_map(|slice| slice.end.as_deref()).collect();
        assert_eq!(ends.len(), 3);
        for (end, start) in ends.iter().zip(["b/sha256:4", "b/sha256:8", "b/sha256:c"]) {
            assert!(end.starts_with(start), "{end}");
        }
        let last = page.objects.last().unwrap().key.clone();
        assert_eq!(outlook.slices[0].begin, Begin::Token { token: "token".to_owned(), last });
        assert_eq!(outlook.slices[3].begin, Begin::After(ends[2].to_owned()));
    }

    #[test]
    fn a_page_without_blobs_says_nothing_about_their_number() {
        let outlook = split("b/", &first(5, 2000), "token", 3);
        assert_eq!((outlook.expected, outlook.slices.len()), (None, 3));
        let behind = page(&["b/sha256:ff".to_owned(), "b/x".to_owned()]);
        assert_eq!(split("b/", &behind, "token", 3).slices.len(), 1);
        let nothing = page(&[]);
        assert_eq!(split("b/", &nothing, "token", 3).slices.len(), 3);
    }
}
