//! The thread pool: a queue of jobs, scoped threads, results in job order.
//!
//! A job may consist of chunks that several threads can work on; [`queue`] assigns the threads.

mod bell;
mod permits;
mod queue;
mod space;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, Scope};

use crate::base::{Cancel, Error, Result, thread_builder};
pub(crate) use bell::Bell;
pub(crate) use permits::{Permit, Permits};
use queue::{Queue, Unit};

/// Reports to a running job whether it should continue.
#[derive(Debug)]
pub(crate) struct Stop<'a> {
    cancel: &'a Cancel,
    failed: &'a AtomicBool,
}

impl Stop<'_> {
    /// # Errors
    /// [`Error::Cancelled`] if the caller cancelled, or if another job of the same run failed.
    pub(crate) fn check(&self) -> Result<()> {
        if self.failed.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { self.cancel.check() }
    }
}

/// A kind of work whose jobs may consist of chunks.
pub(crate) trait Work: Sync {
    /// A job that has not begun.
    type Job: Send;
    /// A job that has begun: the state shared by its chunks. If the run fails, the last thread that uses it drops it.
    type Open: Send + Sync;
    /// The result of a job.
    type Done: Send;

    /// Begins a job, and does all of it if it has no chunks.
    fn begin(&self, job: Self::Job, stop: &Stop<'_>) -> Result<Next<Self>>;

    /// Does one chunk of a job, counted from zero.
    fn chunk(&self, open: &Self::Open, index: usize, stop: &Stop<'_>) -> Result<()>;

    /// Returns the number of threads that run [`aside`](Self::aside) while there is other work. It must be lower than
    /// the number of threads of the run, because `aside` may wait for that work.
    fn asides(&self) -> usize {
        0
    }

    /// Does a job's work aside from its chunks; it may wait for the chunks. Called once for each job with chunks if
    /// [`asides`](Self::asides) is not zero.
    fn aside(&self, _: &Self::Open, _: &Stop<'_>) -> Result<()> {
        Ok(())
    }

    /// Ends a job after all its work is done.
    fn end(&self, open: Self::Open, stop: &Stop<'_>) -> Result<Next<Self>>;
}

/// What follows for a job.
pub(crate) enum Next<W: Work + ?Sized> {
    /// It is done.
    Done(W::Done),
    /// This many chunks must be done.
    Chunks(W::Open, usize),
    /// It must begin again.
    Again(W::Job),
}

/// Runs `work` on every job, on at most `threads` threads, and returns the results in job order.
///
/// Jobs begin in order. The first error stops new work, asks running work to stop, and is returned after it has
/// stopped; no thread outlives the call. If the system refuses to create threads, the run continues with fewer, if
/// necessary with only the caller's.
///
/// # Errors
/// The first error of a job; [`Error::Cancelled`] if `cancel` was cancelled before the last job began.
pub(crate) fn run_chunked<W: Work>(
    jobs: Vec<W::Job>,
    threads: usize,
    cancel: &Cancel,
    work: &W,
) -> Result<Vec<W::Done>> {
    let total = jobs.len();
    let threads = space::affordable(threads);
    let mut queue = Queue::new(jobs, work.asides());
    // One thread must be left for the chunks that work aside waits for.
    queue.limit_asides(threads.saturating_sub(1));
    let state = State { queue, done: Vec::with_capacity(total), error: None };
    let failed = AtomicBool::new(false);
    let pool = Pool { work, state: Mutex::new(state), changed: Condvar::new(), stop: Stop { cancel, failed: &failed } };
    thread::scope(|scope| {
        for others in 1..threads {
            if let Err(error) = pool.spawn(scope) {
                log::info!("continuing on {others} of {threads} threads: {error}");
                // One thread must be left for the chunks that aside work waits for.
                pool.lock().queue.limit_asides(others - 1);
                break;
            }
        }
        pool.serve();
    });
    let State { mut done, error, .. } = pool.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = error {
        return Err(error);
    }
    if done.len() < total {
        return Err(Error::Cancelled);
    }
    done.sort_unstable_by_key(|(slot, _)| *slot);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// Runs `work` on every job like [`run_chunked`], for jobs without chunks.
///
/// # Errors
/// As [`run_chunked`].
pub(crate) fn run<J: Send, T: Send>(
    jobs: Vec<J>,
    threads: usize,
    cancel: &Cancel,
    work: impl Fn(J, &Stop<'_>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let threads = threads.min(jobs.len());
    run_chunked(jobs, threads, cancel, &Whole { work, types: std::marker::PhantomData })
}

struct Whole<F, J, T> {
    work: F,
    types: std::marker::PhantomData<fn(J) -> T>,
}

impl<J: Send, T: Send, F: Fn(J, &Stop<'_>) -> Result<T> + Sync> Work for Whole<F, J, T> {
    type Job = J;
    type Open = ();
    type Done = T;

    fn begin(&self, job: J, stop: &Stop<'_>) -> Result<Next<Self>> {
        (self.work)(job, stop).map(Next::Done)
    }

    fn chunk(&self, _: &(), _: usize, _: &Stop<'_>) -> Result<()> {
        Ok(())
    }

    fn end(&self, _: (), _: &Stop<'_>) -> Result<Next<Self>> {
        Err(Error::Cancelled)
    }
}

struct Pool<'a, W: Work> {
    work: &'a W,
    state: Mutex<State<W>>,
    /// Signalled when there may be a unit to take, or when the run is over.
    changed: Condvar,
    stop: Stop<'a>,
}

struct State<W: Work> {
    queue: Queue<W::Job, W::Open>,
    done: Vec<(usize, W::Done)>,
    error: Option<Error>,
}

impl<W: Work> Pool<'_, W> {
    /// Starts a thread, and waits until it has taken its own memory: only then is it known whether there is room for the
    /// next.
    fn spawn<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) -> io::Result<()> {
        let (sender, started) = mpsc::sync_channel(1);
        let serve = move || {
            let _ = sender.send(());
            self.serve();
        };
        thread_builder()?.spawn_scoped(scope, serve)?;
        let _ = started.recv();
        Ok(())
    }

    fn serve(&self) {
        let _alarm = Alarm(self);
        let mut unit = self.next();
        while let Some(current) = unit {
            unit = match self.perform(current) {
                Ok(Some(more)) => Some(more),
                Ok(None) => self.next(),
                Err(error) => return self.fail(Some(error)),
            };
        }
    }

    /// Waits for a unit; returns `None` when there will be no more.
    fn next(&self) -> Option<Unit<W::Job, W::Open>> {
        let mut state = self.lock();
        loop {
            if self.stop.check().is_err() {
                drop(state);
                self.fail(None);
                return None;
            }
            if let Some(unit) = state.queue.take() {
                return Some(unit);
            }
            if state.queue.is_over() {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn perform(&self, unit: Unit<W::Job, W::Open>) -> Result<Option<Unit<W::Job, W::Open>>> {
        match unit {
            Unit::Begin(slot, job) => {
                let next = self.work.begin(job, &self.stop)?;
                Ok(self.go_on(slot, next))
            }
            Unit::Chunk(slot, open, index) => {
                self.work.chunk(&open, index, &self.stop)?;
                drop(open);
                let last = self.lock().queue.chunk_done(slot);
                self.end(slot, last)
            }
            Unit::Aside(slot, open) => {
                self.work.aside(&open, &self.stop)?;
                drop(open);
                let last = self.lock().queue.aside_done(slot);
                self.end(slot, last)
            }
        }
    }

    fn end(&self, slot: usize, last: Option<Arc<W::Open>>) -> Result<Option<Unit<W::Job, W::Open>>> {
        // All other threads drop their reference before they report that they are done.
        let Some(open) = last.and_then(Arc::into_inner) else { return Ok(None) };
        let next = self.work.end(open, &self.stop)?;
        Ok(self.go_on(slot, next))
    }

    fn go_on(&self, slot: usize, next: Next<W>) -> Option<Unit<W::Job, W::Open>> {
        let mut state = self.lock();
        let unit = match next {
            Next::Done(done) => {
                state.queue.ended();
                state.done.push((slot, done));
                None
            }
            Next::Chunks(open, chunks) => Some(state.queue.opened(slot, open, chunks)),
            Next::Again(job) => {
                state.queue.again(slot, job);
                None
            }
        };
        self.changed.notify_all();
        unit
    }

    /// Ends the run. State of open jobs is dropped here, or by the thread that still uses it.
    fn fail(&self, error: Option<Error>) {
        let mut state = self.lock();
        if let Some(error) = error {
            state.error.get_or_insert(error);
        }
        // Set only now: the errors of work that stops because of it must not replace the first.
        self.stop.failed.store(true, Ordering::Relaxed);
        let open = state.queue.clear();
        drop(state);
        self.changed.notify_all();
        drop(open);
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the run if a thread panics: the others would wait for what it held.
struct Alarm<'p, 'a, W: Work>(&'p Pool<'a, W>);

impl<W: Work> Drop for Alarm<'_, '_, W> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail(None);
        }
    }
}

#[cfg(test)]
mod tests;
