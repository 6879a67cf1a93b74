//! A store in memory, whose responses can fail.

use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::base::{Cancel, Clock, Error, Result};
use crate::object::{GetOptions, ListOptions, ListPage, Object, ObjectMeta, ObjectStore, Payload, PutMode, Version};

/// What happens to a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The connection breaks after this many bytes.
    Cut(usize),
    /// The byte there is wrong.
    Wrong(usize),
    Refused,
    /// Nothing arrives.
    Stalled,
}

/// The bytes of an object, and the number of its version.
type Stored = (Arc<Vec<u8>>, u64);

#[derive(Default)]
pub(super) struct FakeStore {
    pub(super) objects: Mutex<HashMap<String, Stored>>,
    /// The faults of the next responses.
    pub(super) faults: Mutex<Vec<Fault>>,
    /// The ranges requested, with whether they were conditional.
    pub(super) requests: Mutex<Vec<(Option<Range<u64>>, bool)>>,
    pub(super) ignores_ranges: bool,
    pub(super) refuses_ranges: bool,
    /// How long each piece of a response takes.
    pub(super) pause: Duration,
    pub(super) sent: Arc<AtomicU64>,
    pub(super) open: Arc<AtomicUsize>,
    pub(super) most_open: Arc<AtomicUsize>,
    pub(super) stop: Cancel,
}

/// Never waits.
pub(super) struct Hurried;

impl Clock for Hurried {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration, _: &Cancel) {}
}

struct Body {
    bytes: Arc<Vec<u8>>,
    range: Range<usize>,
    start: usize,
    fault: Fault,
    pause: Duration,
    sent: Arc<AtomicU64>,
    open: Arc<AtomicUsize>,
    stop: Cancel,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.pause.is_zero() {
            thread::sleep(self.pause);
        }
        let read = buffer.len().min(self.range.len()).min(7000);
        let from = self.range.start;
        match self.fault {
            Fault::Cut(after) if from - self.start + read > after => {
                let left = after - (from - self.start);
                if left == 0 {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                buffer[..left].copy_from_slice(&self.bytes[from..from + left]);
                self.range.start += left;
                return Ok(left);
            }
            Fault::Stalled => {
                while !self.stop.is_cancelled() {
                    thread::sleep(Duration::from_millis(1));
                }
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            _ => {}
        }
        buffer[..read].copy_from_slice(&self.bytes[from..from + read]);
        if let Fault::Wrong(at) = self.fault
            && (from..from + read).contains(&(self.start + at))
        {
            buffer[self.start + at - from] ^= 1;
        }
        self.range.start += read;
        self.sent.fetch_add(read as u64, Ordering::SeqCst);
        Ok(read)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ObjectStore for FakeStore {
    fn location(&self, key: &str) -> String {
        format!("memory:{key}")
    }

    fn probe(&self) -> Result<()> {
        Ok(())
    }

    fn head(&self, _: &str) -> Result<Option<ObjectMeta>> {
        Ok(None)
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        self.requests.lock().unwrap().push((options.range.clone(), options.if_match.is_some()));
        let Some((bytes, version)) = self.objects.lock().unwrap().get(key).cloned() else { return Ok(None) };
        let version = Version::new(format!("\"{version}\""));
        if options.if_match.as_ref().is_some_and(|wanted| *wanted != version) {
            return Err(Error::precondition_failed("another version"));
        }
        let fault = self.faults.lock().unwrap().pop().unwrap_or(Fault::None);
        if fault == Fault::Refused {
            return Err(Error::network("no connection"));
        }
        let wanted = options.range.clone().filter(|_| !self.ignores_ranges);
        if wanted.is_some() && self.refuses_ranges {
            return Err(Error::unsupported("no ranges"));
        }
        let size = bytes.len();
        let range = options.range.clone().unwrap_or(0..size as u64);
        if range.start >= size as u64 && options.range.is_some() {
            return Err(Error::invalid_range("past the end"));
        }
        let range = usize::try_from(range.start).unwrap()..size.min(usize::try_from(range.end).unwrap());
        self.most_open.fetch_max(self.open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let body = Body {
            bytes,
            start: range.start,
            range,
            fault,
            pause: self.pause,
            sent: self.sent.clone(),
            open: self.open.clone(),
            stop: self.stop.clone(),
        };
        let whole = self.ignores_ranges && options.range.is_some();
        Ok(Some(Object { whole, ..Object::new(size as u64, Some(version), Box::new(body)) }))
    }

    fn put(&self, _: &str, _: &dyn Payload, _: &PutMode) -> Result<Option<Version>> {
        Err(Error::unsupported("read-only"))
    }

    fn list_page(&self, _: &str, _: &ListOptions) -> Result<ListPage> {
        Err(Error::unsupported("no listing"))
    }

    fn delete(&self, _: &str) -> Result<()> {
        Err(Error::unsupported("read-only"))
    }
}
