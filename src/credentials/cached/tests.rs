use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use super::*;
use crate::aws::tests::{TestClock, start};
use crate::base::Secret;

/// A source that returns numbered keys with this lifetime, or fails.
struct Counter {
    clock: Arc<TestClock>,
    asked: AtomicU32,
    seconds: Option<u64>,
    fails: AtomicBool,
    pause: Duration,
}

impl CredentialsProvider for Counter {
    fn credentials(&self) -> Result<Credentials> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        thread::sleep(self.pause);
        if self.fails.load(Ordering::SeqCst) {
            return Err(Error::access("refused").with_hint("ask nicely"));
        }
        Ok(Credentials {
            access_key_id: number.to_string(),
            secret_access_key: Secret::from("MARKED"),
            session_token: None,
            expires: self.seconds.map(|seconds| self.clock.now() + Duration::from_secs(seconds)),
        })
    }

    fn origin(&self) -> String {
        "the counter".to_owned()
    }
}

fn cached(seconds: Option<u64>, pause: Duration) -> (Arc<Counter>, Cached, Arc<TestClock>) {
    let clock = Arc::new(TestClock { now: Mutex::new(start()), slept: Mutex::default() });
    let counter =
        Counter { clock: clock.clone(), asked: AtomicU32::new(0), seconds, fails: AtomicBool::new(false), pause };
    let counter = Arc::new(counter);
    let failure = FailureText { message: "no credentials from the counter".to_owned(), hint: None, on_success: None };
    (counter.clone(), Cached::new(counter, clock.clone(), failure), clock)
}

fn id(cached: &Cached) -> String {
    cached.credentials().unwrap().access_key_id
}

#[test]
fn credentials_are_refreshed_before_they_expire() {
    // One hour: refreshed five minutes before expiry. Two minutes: half a minute before.
    for (seconds, fresh) in [(3600, 3299), (120, 89)] {
        let (_, cached, clock) = cached(Some(seconds), Duration::ZERO);
        assert_eq!(id(&cached), "1");
        clock.advance(fresh);
        assert_eq!(id(&cached), "1");
        clock.advance(1);
        assert_eq!(id(&cached), "2");
    }
    let (_, cached, clock) = cached(None, Duration::ZERO);
    assert_eq!(id(&cached), "1");
    clock.advance(1_000_000_000);
    assert_eq!(id(&cached), "1");
}

#[test]
fn failed_early_refresh_keeps_valid_credentials_and_pauses_retries() {
    let (counter, cached, clock) = cached(Some(3600), Duration::ZERO);
    id(&cached);
    counter.fails.store(true, Ordering::SeqCst);
    clock.advance(3400);
    for _ in 0..5 {
        assert_eq!(id(&cached), "1");
    }
    assert_eq!(counter.asked.load(Ordering::SeqCst), 2);
    clock.advance(30);
    assert_eq!(id(&cached), "1");
    assert_eq!(counter.asked.load(Ordering::SeqCst), 3);
    clock.advance(170);
    let error = cached.credentials().unwrap_err();
    assert_eq!(error.chain(), "no credentials from the counter: refused");
    assert_eq!(error.hint(), Some("ask nicely"));
    counter.fails.store(false, Ordering::SeqCst);
    assert_eq!(id(&cached), "5");
}

#[test]
fn credentials_rejected_as_expired_are_dropped_unless_replaced() {
    let (_, cached, _) = cached(Some(3600), Duration::ZERO);
    let first = cached.credentials().unwrap();
    cached.invalidate(&first);
    assert_eq!(id(&cached), "2");
    cached.invalidate(&first);
    assert_eq!(id(&cached), "2");
}

#[test]
fn already_expired_credentials_are_an_error() {
    let (_, cached, _) = cached(Some(0), Duration::ZERO);
    let error = cached.credentials().unwrap_err();
    assert!(error.chain().contains("have already expired") && error.hint().is_some());
}

#[test]
fn many_threads_cause_one_fetch_and_share_one_failure() {
    for fails in [false, true] {
        let (counter, cached, _) = cached(Some(3600), Duration::from_millis(100));
        counter.fails.store(fails, Ordering::SeqCst);
        let barrier = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    match cached.credentials() {
                        Ok(credentials) => assert_eq!(credentials.access_key_id, "1"),
                        Err(error) => {
                            assert_eq!(error.chain(), "no credentials from the counter: refused");
                            assert_eq!(error.hint(), Some("ask nicely"));
                        }
                    }
                });
            }
        });
        assert_eq!(counter.asked.load(Ordering::SeqCst), 1);
        // A later request queries the source again.
        if fails {
            assert!(cached.credentials().is_err());
            assert_eq!(counter.asked.load(Ordering::SeqCst), 2);
        }
    }
}

/// The other threads sign with the current credentials in the meantime.
#[test]
fn early_refresh_does_not_block_other_threads() {
    let (counter, cached, clock) = cached(Some(3600), Duration::ZERO);
    id(&cached);
    clock.advance(3400);
    let asking = cached.refreshed.asking.lock().unwrap();
    assert_eq!(id(&cached), "1");
    drop(asking);
    assert_eq!(id(&cached), "2");
    assert_eq!(counter.asked.load(Ordering::SeqCst), 2);
}

/// Requests that clean up after a cancelled operation still need credentials.
#[test]
fn a_cancelled_fetch_is_not_shared() {
    let (_, cached, _) = cached(Some(3600), Duration::ZERO);
    let asking = Barrier::new(2);
    thread::scope(|scope| {
        let cancelled = scope.spawn(|| {
            cached.refreshed.get(&|| {
                asking.wait();
                thread::sleep(Duration::from_millis(200));
                Err(Error::Cancelled)
            })
        });
        asking.wait();
        assert_eq!(id(&cached), "1");
        assert!(matches!(cancelled.join().unwrap(), Err(Error::Cancelled)));
    });
}
