//! Passes one value from a thread to another. The channels of the standard library are copied into the program for
//! every type of values, about 6 KB each.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::Unpoisoned as _;

/// The end that sends the value.
#[derive(Debug)]
pub struct OneshotSender<T>(Arc<Shared<T>>);

/// The end that waits for the value.
#[derive(Debug)]
pub struct OneshotReceiver<T>(Arc<Shared<T>>);

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReceived {
    /// Not within the time limit.
    Timeout,
    /// The other end was dropped without a value.
    Disconnected,
}

#[derive(Debug)]
struct Shared<T> {
    slot: Mutex<Result<T, NotReceived>>,
    changed: Condvar,
}

/// Returns both ends.
pub fn oneshot<T>() -> (OneshotSender<T>, OneshotReceiver<T>) {
    let shared = Arc::new(Shared { slot: Mutex::new(Err(NotReceived::Timeout)), changed: Condvar::new() });
    (OneshotSender(shared.clone()), OneshotReceiver(shared))
}

impl<T> OneshotSender<T> {
    /// Sends the value.
    pub fn send(self, value: T) {
        *self.0.slot.lock().unpoisoned() = Ok(value);
    }
}

impl<T> Drop for OneshotSender<T> {
    fn drop(&mut self) {
        let mut slot = self.0.slot.lock().unpoisoned();
        if matches!(*slot, Err(NotReceived::Timeout)) {
            *slot = Err(NotReceived::Disconnected);
        }
        self.0.changed.notify_one();
    }
}

impl<T> OneshotReceiver<T> {
    /// Waits for the value; returns `None` if the other end was dropped without one.
    pub fn recv(self) -> Option<T> {
        self.recv_timeout(Duration::MAX).ok()
    }

    /// Waits for the value for at most `limit`.
    ///
    /// # Errors
    /// Why there is no value.
    pub fn recv_timeout(self, limit: Duration) -> Result<T, NotReceived> {
        let slot = self.0.slot.lock().unpoisoned();
        let waiting = |slot: &mut Result<T, NotReceived>| matches!(slot, Err(NotReceived::Timeout));
        let (mut slot, _) = self.0.changed.wait_timeout_while(slot, limit, waiting).unpoisoned();
        std::mem::replace(&mut *slot, Err(NotReceived::Timeout))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_value_arrives_once_it_is_sent() {
        let (sender, receiver) = oneshot();
        let thread = thread::spawn(move || sender.send(7));
        assert_eq!(receiver.recv(), Some(7));
        thread.join().unwrap();
    }

    #[test]
    fn a_value_sent_before_is_received_without_waiting() {
        let (sender, receiver) = oneshot();
        sender.send("early");
        assert_eq!(receiver.recv_timeout(Duration::ZERO), Ok("early"));
    }

    #[test]
    fn no_value_ends_the_wait() {
        let (sender, receiver) = oneshot::<()>();
        assert_eq!(receiver.recv_timeout(Duration::from_millis(5)), Err(NotReceived::Timeout));
        sender.send(());
        let (sender, receiver) = oneshot::<()>();
        let thread = thread::spawn(move || drop(sender));
        assert_eq!(receiver.recv_timeout(Duration::from_secs(60)), Err(NotReceived::Disconnected));
        thread.join().unwrap();
    }
}
