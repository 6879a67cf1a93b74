//! S3's time formats, and arithmetic with signed seconds.

use std::time::{Duration, SystemTime};

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

const HTTP: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
const ISO: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z");
const STAMP: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// `Sun, 06 Nov 1994 08:49:37 GMT`: the `Date` and `Last-Modified` headers.
pub(crate) fn http_date(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(HTTP).unwrap()
}

/// `1994-11-06T08:49:37.000Z`: times in XML.
pub(crate) fn iso(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(ISO).unwrap()
}

/// `19941106T084937Z`: the time stamp of a signature.
pub(crate) fn stamp(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(STAMP).unwrap()
}

/// Reads the time stamp of a signature.
pub(crate) fn parse_stamp(text: &str) -> Option<SystemTime> {
    Some(PrimitiveDateTime::parse(text, STAMP).ok()?.assume_utc().into())
}

/// Returns the time `seconds` later, or earlier if negative.
pub(crate) fn shift(time: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { time - by } else { time + by }
}

/// Returns the absolute difference of two times.
pub(crate) fn apart(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|error| error.duration())
}
