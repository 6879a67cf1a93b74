//! Times in RFC 3339 that survive a round trip, with the rules of Go's `time.Time`.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use ::time::{Date, Month, PrimitiveDateTime, Time};

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// A time as Go reads and writes it in JSON: RFC 3339 with up to nine fractional digits and an offset.
///
/// It prints as in Go (no trailing zeros in the fraction, `Z` for offset zero) and keeps its offset. Compare times by
/// their [`instant`](Self::instant).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp {
    local: PrimitiveDateTime,
    offset_minutes: i16,
}

/// The text is not a time that Go's `time.Time` reads from JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTimestamp {
    text: String,
}

impl Timestamp {
    /// Go's zero time, `0001-01-01T00:00:00Z`: the value of an unset time.
    pub const ZERO: Self = Self {
        local: match Date::from_calendar_date(1, Month::January, 1) {
            Ok(date) => PrimitiveDateTime::new(date, Time::MIDNIGHT),
            Err(_) => PrimitiveDateTime::MIN,
        },
        offset_minutes: 0,
    };

    /// Returns the nanoseconds since 1970-01-01T00:00:00Z, for comparing times.
    pub fn instant(&self) -> i128 {
        self.local.assume_utc().unix_timestamp_nanos() - i128::from(self.offset_minutes) * 60 * NANOS_PER_SECOND
    }

    /// Returns whether this is Go's zero time, in any offset.
    pub fn is_zero(&self) -> bool {
        self.instant() == Self::ZERO.instant()
    }

    /// Appends the text.
    pub(crate) fn push_to(&self, out: &mut String) {
        let (date, time) = (self.local.date(), self.local.time());
        let mut part = |value: u32, width, end: &str| {
            push_digits(out, value, width);
            out.push_str(end);
        };
        part(date.year().unsigned_abs(), 4, "-");
        part(u8::from(date.month()).into(), 2, "-");
        part(date.day().into(), 2, "T");
        part(time.hour().into(), 2, ":");
        part(time.minute().into(), 2, ":");
        part(time.second().into(), 2, "");
        let (mut fraction, mut width) = (time.nanosecond(), 9);
        if fraction != 0 {
            while fraction % 10 == 0 {
                (fraction, width) = (fraction / 10, width - 1);
            }
            out.push('.');
            push_digits(out, fraction, width);
        }
        if self.offset_minutes == 0 {
            out.push('Z');
            return;
        }
        out.push(if self.offset_minutes < 0 { '-' } else { '+' });
        let minutes = u32::from(self.offset_minutes.unsigned_abs());
        push_digits(out, minutes / 60, 2);
        out.push(':');
        push_digits(out, minutes % 60, 2);
    }

    /// Returns the same instant in UTC; `None` outside the years 0 to 9999, which Go refuses to write.
    pub fn to_utc(self) -> Option<Self> {
        let offset = ::time::Duration::minutes(self.offset_minutes.into());
        let local = self.local.checked_sub(offset).filter(|local| (0..=9999).contains(&local.year()))?;
        Some(Self { local, offset_minutes: 0 })
    }

    /// Returns the time in UTC without a fraction of a second; [`ZERO`](Self::ZERO) outside the years 0 to 9999.
    pub(crate) fn to_whole_seconds(self) -> Self {
        let utc = self.to_utc().unwrap_or(Self::ZERO);
        Self { local: utc.local.replace_nanosecond(0).unwrap_or(utc.local), ..utc }
    }

    /// Returns the whole seconds since 1970, or before it as a negative number.
    pub(crate) fn unix_seconds(self) -> i64 {
        i64::try_from(self.instant().div_euclid(NANOS_PER_SECOND)).unwrap_or(i64::MAX)
    }

    /// Returns the same instant as a `SystemTime`; `None` if it cannot represent it.
    pub fn to_system_time(self) -> Option<SystemTime> {
        let nanos = self.instant();
        let magnitude = nanos.unsigned_abs();
        let duration = Duration::new(
            u64::try_from(magnitude / NANOS_PER_SECOND.unsigned_abs()).ok()?,
            u32::try_from(magnitude % NANOS_PER_SECOND.unsigned_abs()).ok()?,
        );
        if nanos < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(duration)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(duration)
        }
    }
}

/// In UTC. Times outside the years 0 to 9999 become [`Timestamp::ZERO`].
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let nanos = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i128::try_from(since.as_nanos()).unwrap_or(i128::MAX),
            Err(before) => i128::try_from(before.duration().as_nanos()).map_or(i128::MIN, |nanos| -nanos),
        };
        ::time::OffsetDateTime::from_unix_timestamp_nanos(nanos)
            .ok()
            .filter(|time| (0..=9999).contains(&time.year()))
            .map_or(Self::ZERO, |time| Self {
                local: PrimitiveDateTime::new(time.date(), time.time()),
                offset_minutes: 0,
            })
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Follows Go's strict rule: `T` and `Z` in upper case, two digits everywhere, no leap second. Fractional digits
    /// after the ninth are dropped.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        parse(text).ok_or_else(|| InvalidTimestamp { text: text.chars().take(100).collect() })
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let (head, tail) = text.as_bytes().split_first_chunk()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] = *head else {
        return None;
    };
    let year = i32::from(two(y1, y2)?) * 100 + i32::from(two(y3, y4)?);
    let month = Month::try_from(two(m1, m2)?).ok()?;
    let date = Date::from_calendar_date(year, month, two(d1, d2)?).ok()?;
    let (nanos, zone) = match tail {
        [b'.', fraction @ ..] => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (digits, zone) = fraction.split_at_checked(digits).filter(|(digits, _)| !digits.is_empty())?;
            let nine = digits.iter().chain(std::iter::repeat(&b'0')).take(9);
            (nine.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0')), zone)
        }
        zone => (0, zone),
    };
    let time = Time::from_hms_nano(two(h1, h2)?, two(n1, n2)?, two(s1, s2)?, nanos).ok()?;
    let offset_minutes = match *zone {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(h1, h2)?, two(m1, m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = i16::from(hours) * 60 + i16::from(minutes);
            if sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    Some(Timestamp { local: PrimitiveDateTime::new(date, time), offset_minutes })
}

/// Returns the number formed by two digits.
fn two(high: u8, low: u8) -> Option<u8> {
    (high.is_ascii_digit() && low.is_ascii_digit()).then(|| (high - b'0') * 10 + (low - b'0'))
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(40);
        self.push_to(&mut text);
        f.write_str(&text)
    }
}

/// Appends a number with at least this many digits.
fn push_digits(out: &mut String, value: u32, width: usize) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(value);
    for _ in digits.len()..width {
        out.push('0');
    }
    out.push_str(digits);
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an RFC 3339 time such as 2026-01-02T03:04:05.6Z", self.text)
    }
}

impl std::error::Error for InvalidTimestamp {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_like_go() {
        for (text, printed) in [
            ("2026-11-23T04:01:20.97686969Z", "2026-11-23T04:01:20.97686969Z"),
            ("2026-11-23T04:01:20.100Z", "2026-11-23T04:01:20.1Z"),
            ("2026-11-23T04:01:20.000Z", "2026-11-23T04:01:20Z"),
            ("2026-11-23T04:01:20+02:30", "2026-11-23T04:01:20+02:30"),
            ("2026-11-23T04:01:20-00:00", "2026-11-23T04:01:20Z"),
            ("2026-11-23T04:01:20.1234567899Z", "2026-11-23T04:01:20.123456789Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("0000-01-01T00:00:00+23:59", "0000-01-01T00:00:00+23:59"),
            ("9999-12-31T23:59:59.999999999-23:59", "9999-12-31T23:59:59.999999999-23:59"),
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn times_that_go_rejects_are_rejected() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T04:01:20",
            "2026-11-23t04:01:20Z",
            "2026-11-23T04:01:20z",
            "2026-11-23T4:01:20Z",
            "2026-11-23T04:01:60Z",
            "2026-11-23T24:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-23T04:01:20.Z",
            "2026-11-23T04:01:20,5Z",
            "2026-11-23T04:01:20+24:00",
            "2026-11-23T04:01:20+02:60",
            "2026-11-23T04:01:20+0200",
            "2026-11-23T04:01:20+02:00 ",
            "12026-11-23T04:01:20Z",
            "-026-11-23T04:01:20Z",
            "2026-11-23T04:01:20é",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn instants_compare_across_offsets() {
        let utc: Timestamp = "2026-11-23T04:00:00Z".parse().unwrap();
        let east: Timestamp = "2026-11-23T06:00:00+02:00".parse().unwrap();
        assert_ne!(utc, east);
        assert_eq!(utc.instant(), east.instant());
        assert_eq!(east.to_utc(), Some(utc));
        assert_eq!(Timestamp::from(utc.to_system_time().unwrap()), utc);
        assert!("0001-01-01T01:00:00+01:00".parse::<Timestamp>().unwrap().is_zero());
        assert_eq!("0000-01-01T00:00:00+01:00".parse::<Timestamp>().unwrap().to_utc(), None);
    }
}
