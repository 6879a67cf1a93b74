//! Runs jobs on scoped threads.

use std::io;
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, Scope};

use super::job::{AnyJob, AnyNext, Calls, SplitJob};
use super::queue::{Queue, Unit as QueueUnit};
use super::{Next, Permits, Run};
use crate::base::{Cancel, Error, Result, Unpoisoned as _, affordable_threads, oneshot, thread_builder};

/// A job with parts is started early once the parts left are at most the number of threads divided by this.
const THREADS_PER_PART_AHEAD: usize = 4;

/// A limit on threads, for any number of runs. No thread outlives its run.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    threads: usize,
    processors: Permits,
}

impl Pool {
    /// Creates a pool for work that waits for at most `connections` connections at once. It has a few more threads,
    /// which keep the processors busy meanwhile.
    pub(crate) fn new(connections: usize) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = connections.saturating_add(if connections > 1 { processors } else { 0 });
        // One more than processors: a thread that has a permit may lose its processor to a thread without one.
        Self { processors: Permits::new(processors.saturating_add(1)), ..Self::with_threads(threads) }
    }

    /// Creates a pool of at most `threads` threads.
    pub(crate) fn with_threads(threads: usize) -> Self {
        Self { threads: affordable_threads(threads.max(1)), processors: Permits::new(1) }
    }

    /// Starts each job with `start`, in order, and passes the results to `done` as they come, in any order.
    ///
    /// `splits` returns whether a job will have parts. Such a job must start without waiting for anything, because no
    /// other job is started meanwhile.
    ///
    /// Jobs are taken from the iterator only when a thread is free, so any number of them needs little memory. Threads
    /// are added as long as there is work for them. The first error stops new work, asks running work to stop, and is
    /// returned after it has stopped. If the system refuses to create threads, the run continues with fewer, if
    /// necessary with only the caller's.
    ///
    /// # Errors
    /// The first error of a job; [`Error::Cancelled`] if `cancel` was cancelled before the last job was done.
    pub(crate) fn run<'w, J: Send + 'w, D: Send + 'w>(
        &self,
        jobs: impl Iterator<Item = J> + Send,
        cancel: &Cancel,
        splits: fn(&J) -> bool,
        start: impl Fn(J, &Run<'_>) -> Result<Next<'w, J, D>> + Sync,
        done: impl FnMut(D) + Send,
    ) -> Result<()> {
        let calls = Calls { splits, start, done: Mutex::new(done) };
        self.run_all(&mut jobs.map(|job| calls.job(job)), cancel)
    }

    fn run_all<'r>(&self, jobs: Jobs<'_, 'r>, cancel: &Cancel) -> Result<()> {
        let (run, _interrupt) = Run::new(cancel, &self.processors);
        let queue = Queue::new(jobs, |job| job.splits(), self.threads / THREADS_PER_PART_AHEAD);
        let state = State { queue, most: self.threads, threads: 1, idle: 1, spawning: false, error: None };
        let crew = Crew { run, state: Mutex::new(state), changed: Condvar::new() };
        thread::scope(|scope| crew.serve(scope));
        let State { mut queue, error, .. } = crew.state.into_inner().unpoisoned();
        match error {
            Some(error) => Err(error),
            None if queue.is_done() => Ok(()),
            None => Err(Error::Cancelled),
        }
    }

    /// Runs `work` on every job and returns the results in the order of the jobs.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub(crate) fn map<J: Send, D: Send>(
        &self,
        jobs: Vec<J>,
        cancel: &Cancel,
        work: impl Fn(J, &Run<'_>) -> Result<D> + Sync,
    ) -> Result<Vec<D>> {
        let mut results: Vec<Option<D>> = jobs.iter().map(|_| None).collect();
        let start = |(index, job), run: &Run<'_>| work(job, run).map(|done| Next::Done((index, done)));
        let done = |(index, done)| {
            if let Some(result) = results.get_mut(index) {
                *result = Some(done);
            }
        };
        self.run(jobs.into_iter().enumerate(), cancel, |_| false, start, done)?;
        Ok(results.into_iter().flatten().collect())
    }
}

type Jobs<'a, 'r> = &'a mut (dyn Iterator<Item = AnyJob<'r>> + Send + 'r);
type Unit<'r> = QueueUnit<AnyJob<'r>, SplitJob<'r>>;

/// The threads of one run.
struct Crew<'a, 'r> {
    run: Run<'a>,
    state: Mutex<State<'a, 'r>>,
    /// Notified when there may be a unit to take, or when the run is over.
    changed: Condvar,
}

struct State<'a, 'r> {
    queue: Queue<Jobs<'a, 'r>, SplitJob<'r>>,
    /// How many threads there may be, how many there are, and how many of those have no unit.
    most: usize,
    threads: usize,
    idle: usize,
    /// A thread is being created.
    spawning: bool,
    error: Option<Error>,
}

impl<'a, 'r> Crew<'a, 'r> {
    fn serve<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) {
        let _alarm = Alarm(|| self.fail(None));
        let mut unit = self.next(scope);
        while let Some(current) = unit {
            unit = match self.perform(current, scope) {
                Ok(Some(more)) => Some(more),
                Ok(None) => {
                    self.lock().idle += 1;
                    self.next(scope)
                }
                Err(error) => return self.fail(Some(error)),
            };
        }
    }

    /// Waits for a unit; returns `None` when there will be no more. The thread counts as idle already.
    fn next<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) -> Option<Unit<'r>> {
        let mut state = self.lock();
        loop {
            if self.run.check().is_err() {
                drop(state);
                self.fail(None);
                return None;
            }
            if let Some(unit) = state.queue.take() {
                state.idle -= 1;
                self.recruit(state, scope);
                return Some(unit);
            }
            if state.queue.is_done() {
                return None;
            }
            state = self.changed.wait(state).unpoisoned();
        }
    }

    /// Adds threads as long as there is work that no idle thread will take.
    fn recruit<'scope>(&'scope self, mut state: Guard<'scope, 'a, 'r>, scope: &'scope Scope<'scope, '_>) {
        while !state.spawning && state.idle == 0 && state.threads < state.most && state.queue.has_unit() {
            state.spawning = true;
            state.threads += 1;
            state.idle += 1;
            drop(state);
            let spawned = self.spawn(scope);
            state = self.lock();
            state.spawning = false;
            if let Err(error) = spawned {
                state.threads -= 1;
                state.idle -= 1;
                log::info!("continuing on {} of {} threads: {error}", state.threads, state.most);
                state.most = state.threads;
            }
        }
    }

    /// Starts a thread, and waits until it has taken its own memory: only then is it known whether there is room for
    /// the next.
    fn spawn<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) -> io::Result<()> {
        let (sender, started) = oneshot();
        let serve = move || {
            sender.send(());
            self.serve(scope);
        };
        thread_builder()?.spawn_scoped(scope, serve)?;
        started.recv();
        Ok(())
    }

    fn perform<'scope>(&'scope self, unit: Unit<'r>, scope: &'scope Scope<'scope, '_>) -> Result<Option<Unit<'r>>> {
        let opens = matches!(unit, QueueUnit::Open(_));
        let step = match unit {
            QueueUnit::Start(job) | QueueUnit::Open(job) => job.start(&self.run)?,
            QueueUnit::Part(slot, open, index) => {
                open.part(index, &self.run)?;
                drop(open);
                let last = self.lock().queue.part_done(slot);
                // All other threads drop their reference before they report that they are done.
                let Some(open) = last.and_then(Arc::into_inner) else { return Ok(None) };
                open.finish(&self.run)?
            }
        };
        Ok(self.follow(step, opens, scope))
    }

    fn follow<'scope>(
        &'scope self,
        step: AnyNext<'r>,
        opens: bool,
        scope: &'scope Scope<'scope, '_>,
    ) -> Option<Unit<'r>> {
        let mut state = self.lock();
        if opens {
            state.queue.started();
        }
        let unit = match step {
            Next::Split(open) => {
                let parts = open.parts();
                Some(state.queue.opened(open, parts))
            }
            Next::Again(job) => {
                state.queue.again(job);
                None
            }
            Next::Done(()) => {
                state.queue.ended();
                None
            }
        };
        self.changed.notify_all();
        self.recruit(state, scope);
        unit
    }

    /// Ends the run. State of open jobs is dropped here, or by the thread that still uses it.
    fn fail(&self, error: Option<Error>) {
        let mut state = self.lock();
        if let Some(error) = error {
            state.error.get_or_insert(error);
        }
        // Only now: the errors of work that stops because of it must not replace the first.
        self.run.fail();
        let open = state.queue.clear();
        drop(state);
        self.changed.notify_all();
        drop(open);
    }

    fn lock(&self) -> Guard<'_, 'a, 'r> {
        self.state.lock().unpoisoned()
    }
}

type Guard<'g, 'a, 'r> = MutexGuard<'g, State<'a, 'r>>;

/// Ends the run if a thread panics: the others would wait for what it held.
struct Alarm<F: Fn()>(F);

impl<F: Fn()> Drop for Alarm<F> {
    fn drop(&mut self) {
        if thread::panicking() {
            (self.0)();
        }
    }
}
