//! The thread pool: jobs in a queue, scoped threads, results in the order of the jobs.
//!
//! A job may turn out to consist of chunks that several threads can do; which thread does what is decided by [`queue`].

mod bell;
mod permits;
mod queue;
mod space;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::base::{Cancel, Error, Result};
pub(crate) use bell::Bell;
pub(crate) use permits::{Permit, Permits};
use queue::{Queue, Unit};

/// Tells a job under way whether it still makes sense to go on.
#[derive(Debug)]
pub(crate) struct Stop<'a> {
    cancel: &'a Cancel,
    failed: &'a AtomicBool,
}

impl Stop<'_> {
    /// # Errors
    /// [`Error::Canceled`] when the caller cancelled, or when another job of the same run failed.
    pub(crate) fn check(&self) -> Result<()> {
        if self.failed.load(Ordering::Relaxed) { Err(Error::Canceled) } else { self.cancel.check() }
    }
}

/// A kind of work whose jobs may consist of chunks.
pub(crate) trait Work: Sync {
    /// A job that has not begun.
    type Job: Send;
    /// One that has: what its chunks share. Dropped before its end when the run fails, by the last thread that is at it.
    type Open: Send + Sync;
    /// What a job yields.
    type Done: Send;

    /// Begins a job, and does all of it where it has no chunks.
    fn begin(&self, job: Self::Job, stop: &Stop<'_>) -> Result<Next<Self>>;

    /// Does one chunk of a job, counted from zero.
    fn chunk(&self, open: &Self::Open, index: usize, stop: &Stop<'_>) -> Result<()>;

    /// On how many threads [`aside`](Self::aside) runs while there is other work: fewer than the run has, for it may wait
    /// for that.
    fn asides(&self) -> usize {
        0
    }

    /// Does what a job has aside of its chunks, and may wait for those. Called once for each job with chunks where
    /// [`asides`](Self::asides) is not zero.
    fn aside(&self, _: &Self::Open, _: &Stop<'_>) -> Result<()> {
        Ok(())
    }

    /// Ends a job of which all is done.
    fn end(&self, open: Self::Open, stop: &Stop<'_>) -> Result<Next<Self>>;
}

/// How it goes on with a job.
pub(crate) enum Next<W: Work + ?Sized> {
    /// It is done.
    Done(W::Done),
    /// So many chunks of it are to be done.
    Chunks(W::Open, usize),
    /// It has to begin again.
    Again(W::Job),
}

/// Runs `work` on every job, on at most `threads` threads, and returns the results in the order of the jobs.
///
/// Jobs begin in their order. The first error stops new work, asks what is under way to stop, and is returned once it
/// has; no thread outlives the call. Where the system gives fewer threads, the run continues on those, if need be on the
/// caller's alone.
///
/// # Errors
/// The first error of a job; [`Error::Canceled`] when `cancel` was cancelled before the last job began.
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
            if let Err(error) = thread::Builder::new().spawn_scoped(scope, || pool.serve()) {
                log::info!("continuing on {others} of {threads} threads: {error}");
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
        return Err(Error::Canceled);
    }
    done.sort_unstable_by_key(|(slot, _)| *slot);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// Runs `work` on every job as [`run_chunked`] does, where jobs have no chunks.
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
        Err(Error::Canceled)
    }
}

struct Pool<'a, W: Work> {
    work: &'a W,
    state: Mutex<State<W>>,
    /// There may be a unit to take, or all is over.
    changed: Condvar,
    stop: Stop<'a>,
}

struct State<W: Work> {
    queue: Queue<W::Job, W::Open>,
    done: Vec<(usize, W::Done)>,
    error: Option<Error>,
}

impl<W: Work> Pool<'_, W> {
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

    /// Waits for a unit; `None` when there will be none.
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
        // All other threads let go of it before they said that they were done.
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

    /// Ends the run. What has begun is dropped here, or by the thread that is still at it.
    fn fail(&self, error: Option<Error>) {
        let mut state = self.lock();
        if let Some(error) = error {
            state.error.get_or_insert(error);
        }
        // Not before: what stops because of it is an error too.
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

/// A thread that panics ends the run: the others would wait for what it held.
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
