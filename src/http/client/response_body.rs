//! Watches the speed of a response body, because the time limit of a single read does not end a transfer that crawls.
//!
//! While more than [`LEAST_BYTES`] remain, at least that many must arrive in every [`WINDOW`] (1 KiB per second). A
//! smaller rest, such as a manifest or the end of a blob, may arrive at any speed within [`PATIENCE`] in total. The
//! same limit applies to each [`LEAST_BYTES`] of a body of unknown length. Only the time spent waiting for the server
//! counts; the reader may pause between two reads.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Clock, reader_from_fn};

const LEAST_BYTES: u64 = 60 * 1024;
const WINDOW: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// A response body whose speed is watched.
struct WatchedBody {
    inner: Box<dyn Read + Send>,
    clock: Arc<dyn Clock>,
    /// The remaining bytes, if known.
    left: Option<u64>,
    waited: Duration,
    received: u64,
}

/// Watches a body; `size` is its length in bytes, if known.
pub(super) fn watched(inner: Box<dyn Read + Send>, size: Option<u64>, clock: Arc<dyn Clock>) -> Box<dyn Read + Send> {
    let mut body = WatchedBody { inner, clock, left: size, waited: Duration::ZERO, received: 0 };
    reader_from_fn(move |buffer| body.read(buffer))
}

impl WatchedBody {
    fn limit(&self) -> Duration {
        match self.left {
            Some(left) if left > LEAST_BYTES => WINDOW,
            _ => PATIENCE,
        }
    }

    fn note(&mut self, waited: Duration, read: u64) -> io::Result<()> {
        self.waited += waited;
        self.received += read;
        self.left = self.left.map(|left| left.saturating_sub(read));
        if self.received >= LEAST_BYTES {
            (self.received, self.waited) = (0, Duration::ZERO);
        }
        // A body that is complete is accepted, however late.
        if read > 0 && self.left != Some(0) && self.waited >= self.limit() {
            let text = format!("the server sent {} bytes in {} s", self.received, self.waited.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let start = self.clock.monotonic();
        let read = self.inner.read(buffer)?;
        self.note(self.clock.monotonic().saturating_sub(start), read as u64)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::SystemTime;

    use super::*;
    use crate::base::Cancel;

    /// Only [`Slow`] advances the time.
    #[derive(Default)]
    struct Still(Mutex<Duration>);

    impl Clock for Still {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock().unwrap()
        }

        fn sleep(&self, duration: Duration, _: &Cancel) {
            *self.0.lock().unwrap() += duration;
        }
    }

    /// Yields `piece` bytes at a fixed interval until `size` bytes have been read.
    struct Slow {
        clock: Arc<Still>,
        left: u64,
        piece: u64,
        every: Duration,
    }

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.clock.sleep(self.every, &Cancel::new());
            let read = self.piece.min(self.left).min(buffer.len() as u64);
            self.left -= read;
            Ok(usize::try_from(read).unwrap())
        }
    }

    /// Returns the number of bytes read, and the time it took.
    fn read(size: u64, said: bool, piece: u64, every_ms: u64) -> (io::Result<u64>, Duration) {
        let clock = Arc::new(Still::default());
        let slow = Slow { clock: clock.clone(), left: size, piece, every: Duration::from_millis(every_ms) };
        let mut watched = watched(Box::new(slow), said.then_some(size), clock.clone());
        let read = io::copy(&mut watched, &mut io::sink());
        (read, clock.monotonic())
    }

    #[test]
    fn a_large_body_slower_than_one_kib_per_second_times_out() {
        let (result, after) = read(100 << 20, true, 1, 10);
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(after, WINDOW);
        let (result, _) = read(1 << 20, true, 11, 10);
        assert_eq!(result.unwrap(), 1 << 20);
    }

    #[test]
    fn a_body_that_slows_to_a_crawl_times_out() {
        let clock = Arc::new(Still::default());
        let fast = io::repeat(1).take(50 << 20);
        let slow = Slow { clock: clock.clone(), left: 50 << 20, piece: 1, every: Duration::from_secs(1) };
        let mut watched = watched(Box::new(fast.chain(slow)), Some(100 << 20), clock.clone());
        assert_eq!(io::copy(&mut watched, &mut io::sink()).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(clock.monotonic() <= 2 * WINDOW, "{:?}", clock.monotonic());
    }

    #[test]
    fn a_small_slow_body_completes() {
        for (size, piece, every_ms) in [(1, 1, 59_000), (500, 1, 1000), (9000, 1000, 55_000), (60 << 10, 2048, 15_000)]
        {
            assert_eq!(read(size, true, piece, every_ms).0.unwrap(), size);
            assert_eq!(read(size, false, piece, every_ms).0.unwrap(), size);
        }
    }

    #[test]
    fn even_a_small_body_times_out_eventually() {
        for said in [true, false] {
            let (result, after) = read(5000, said, 1, 1000);
            assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert_eq!(after, PATIENCE);
        }
    }

    #[test]
    fn a_slow_reader_does_not_cause_a_timeout() {
        let clock = Arc::new(Still::default());
        let mut watched = watched(Box::new(io::repeat(1).take(1 << 20)), Some(1 << 20), clock.clone());
        let mut byte = [0; 1024];
        while watched.read(&mut byte).unwrap() > 0 {
            clock.sleep(10 * PATIENCE, &Cancel::new());
        }
    }
}
