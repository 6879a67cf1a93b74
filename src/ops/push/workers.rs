//! Threads for work that outlives the request it began with, but not the server.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::base::{JoinedThreads, Unpoisoned as _};

/// How long a thread waits for its next task before it ends.
const IDLE: Duration = Duration::from_secs(5);

type Task = Box<dyn FnOnce() + Send>;

/// Owns threads that run tasks. Dropping it waits for all of them.
#[derive(Debug)]
pub(super) struct Workers(Arc<Shared>);

/// Starts tasks on a [`Workers`].
#[derive(Clone, Debug)]
pub(super) struct Spawner(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    threads: JoinedThreads,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    /// The number of threads that wait for a task.
    idle: usize,
    /// The number of tasks that were started and are not done.
    running: usize,
    closed: bool,
}

impl Workers {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    pub(super) fn spawner(&self) -> Spawner {
        Spawner(self.0.clone())
    }

    /// Waits until no task is left, at most until `deadline`. Returns whether none is.
    pub(super) fn wait_until(&self, deadline: Instant) -> bool {
        let state = self.0.state.lock().unpoisoned();
        let left = deadline.saturating_duration_since(Instant::now());
        let (state, _) = self.0.changed.wait_timeout_while(state, left, |state| state.running > 0).unpoisoned();
        state.running == 0
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.0.state.lock().unpoisoned().closed = true;
        self.0.changed.notify_all();
        self.0.threads.join();
    }
}

impl Spawner {
    /// Runs `task` on another thread.
    ///
    /// # Errors
    /// If the system refuses to create a thread, or the workers are being dropped.
    pub(super) fn start(&self, task: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.start_task(Box::new(task))
    }

    fn start_task(&self, task: Task) -> io::Result<()> {
        let mut state = self.0.state.lock().unpoisoned();
        if state.closed {
            return Err(io::Error::other("the server is stopping"));
        }
        state.running += 1;
        if state.idle > state.tasks.len() {
            state.tasks.push_back(task);
            drop(state);
            self.0.changed.notify_all();
            return Ok(());
        }
        drop(state);
        let shared = self.0.clone();
        self.0.threads.spawn(Box::new(move || shared.serve(task))).inspect_err(|_| self.0.done())
    }
}

impl Shared {
    fn serve(&self, first: Task) {
        let mut task = Some(first);
        while let Some(current) = task {
            // Counts as done also if it panics: others wait for that.
            let done = Done(self);
            current();
            drop(done);
            task = self.next();
        }
    }

    fn next(&self) -> Option<Task> {
        let mut state = self.state.lock().unpoisoned();
        state.idle += 1;
        let waits = |state: &mut State| state.tasks.is_empty() && !state.closed;
        let (mut state, _) = self.changed.wait_timeout_while(state, IDLE, waits).unpoisoned();
        state.idle -= 1;
        state.tasks.pop_front()
    }

    fn done(&self) {
        self.state.lock().unpoisoned().running -= 1;
        self.changed.notify_all();
    }
}

struct Done<'a>(&'a Shared);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workers")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn dropping_the_workers_waits_for_its_tasks() {
        let (workers, done) = (Workers::new(), Arc::new(AtomicUsize::new(0)));
        let spawner = workers.spawner();
        for _ in 0..20 {
            let (done, inner) = (done.clone(), spawner.clone());
            let task = move || {
                std::thread::sleep(Duration::from_millis(5));
                let _ = inner.start(move || {
                    done.fetch_add(1, Ordering::SeqCst);
                });
            };
            spawner.start(task).unwrap();
        }
        assert!(workers.wait_until(Instant::now() + Duration::from_secs(60)));
        assert_eq!(done.load(Ordering::SeqCst), 20);
        drop(workers);
        assert!(spawner.start(|| ()).is_err());
    }
}
