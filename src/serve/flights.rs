//! Work that several requests wait for together, each for a limited time.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::base::{JoinedThreads, Unpoisoned as _};

/// How long work waits for other work to end. Work that takes longer waits for a store, and holds little memory.
const PATIENCE: Duration = Duration::from_secs(10);

/// A flight is one piece of work that every request with the same key joins.
pub(super) struct Flights<T> {
    flying: Mutex<HashMap<Key, Arc<Flight<T>>>>,
    turn: Arc<Turn>,
    threads: JoinedThreads,
}

/// What work is about: the position of a mount, and a name in it.
pub(super) type Key = (usize, String);

struct Flight<T> {
    landed: Mutex<Option<T>>,
    changed: Condvar,
}

/// Lets work run one after the other, because each may need much memory.
#[derive(Default)]
struct Turn {
    running: Mutex<usize>,
    ended: Condvar,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self { flying: Mutex::default(), turn: Arc::default(), threads: JoinedThreads::default() }
    }
}

impl<T: Clone + Send + 'static> Flights<T> {
    /// Returns the result of `work`, or `None` if it takes longer than `patience`. The work then continues, and later
    /// requests with the same key join it.
    pub(super) fn join(&self, key: Key, patience: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let mut flying = self.flying.lock().unpoisoned();
        flying.retain(|_, flight| flight.landed.lock().unpoisoned().is_none());
        if let Some(flight) = flying.get(&key) {
            let flight = flight.clone();
            drop(flying);
            return flight.wait(patience);
        }
        let flight = Arc::new(Flight { landed: Mutex::new(None), changed: Condvar::new() });
        flying.insert(key, flight.clone());
        drop(flying);
        let run = {
            let (flight, turn) = (flight.clone(), self.turn.clone());
            move || {
                let landed = turn.take(work);
                *flight.landed.lock().unpoisoned() = Some(landed);
                flight.changed.notify_all();
            }
        };
        self.start(run);
        flight.wait(patience)
    }

    /// Forgets the flights of a mount, because its manifests have changed: later requests start their own.
    pub(super) fn forget(&self, mount: usize) {
        self.flying.lock().unpoisoned().retain(|(at, _), _| *at != mount);
    }

    /// Waits until all work has ended.
    pub(super) fn finish(&self) {
        self.threads.join();
    }

    /// Runs on a thread of its own, or on this one if the system has no other.
    fn start(&self, run: impl FnOnce() + Send + 'static) {
        let run = Arc::new(Mutex::new(Some(run)));
        let take = |run: &Mutex<Option<_>>| run.lock().unpoisoned().take();
        let on_thread = run.clone();
        let started = self.threads.spawn(Box::new(move || {
            if let Some(run) = take(&on_thread) {
                run();
            }
        }));
        if let Err(error) = started {
            log::info!("cannot start a thread: {error}");
            if let Some(run) = take(&run) {
                run();
            }
        }
    }
}

impl<T: Clone> Flight<T> {
    fn wait(&self, patience: Duration) -> Option<T> {
        let landed = self.landed.lock().unpoisoned();
        let (landed, _) = self.changed.wait_timeout_while(landed, patience, |landed| landed.is_none()).unpoisoned();
        landed.clone()
    }
}

impl Turn {
    fn take<T>(&self, work: impl FnOnce() -> T) -> T {
        let running = self.running.lock().unpoisoned();
        let (mut running, _) = self.ended.wait_timeout_while(running, PATIENCE, |running| *running > 0).unpoisoned();
        *running += 1;
        drop(running);
        let done = work();
        *self.running.lock().unpoisoned() -= 1;
        self.ended.notify_one();
        done
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn requests_with_the_same_key_share_the_work() {
        let flights = Flights::<usize>::default();
        let count = Arc::new(AtomicUsize::new(0));
        let (go, wait) = channel::<()>();
        let work = {
            let count = count.clone();
            move || {
                let _ = wait.recv();
                count.fetch_add(1, Ordering::SeqCst)
            }
        };
        let key = || (0, "a".to_owned());
        assert_eq!(flights.join(key(), Duration::from_millis(1), work), None);
        let other = count.clone();
        thread::scope(|scope| {
            let joined: Vec<_> = (0..3).map(|_| scope.spawn(|| flights.join(key(), LONG, || unreachable!()))).collect();
            thread::sleep(Duration::from_millis(50));
            drop(go);
            joined.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), Some(0)));
        });
        // What has landed is not joined.
        assert_eq!(flights.join(key(), LONG, move || other.fetch_add(1, Ordering::SeqCst)), Some(1));
        flights.finish();
    }

    #[test]
    fn a_change_ends_joining() {
        let flights = Flights::<u8>::default();
        let (go, wait) = channel::<()>();
        let first = flights.join((3, String::new()), Duration::from_millis(1), move || {
            let _ = wait.recv();
            1
        });
        flights.forget(3);
        thread::scope(|scope| {
            let second = scope.spawn(|| flights.join((3, String::new()), LONG, || 2));
            thread::sleep(Duration::from_millis(20));
            drop(go);
            assert_eq!((first, second.join().unwrap()), (None, Some(2)));
        });
        flights.finish();
    }
}
