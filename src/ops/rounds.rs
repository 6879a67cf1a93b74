//! Runs jobs in rounds: those that fail with a transient error are tried again after all the others.

use std::marker::PhantomData;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::base::{Error, Result};
use crate::ops::cache::Context;
use crate::ops::persist::{PATIENCE, PAUSES, passes};
use crate::transfer::{self, Next, Stop, Work};

/// This many failures in a row, without a success in between, are not the fault of single objects.
const STREAK: usize = 16;
/// A round is poor if fewer than one in this many jobs succeeds. Only so many poor rounds may follow each other as
/// there are pauses, which limits the cost of all rounds to a multiple of the first.
const GOOD_ROUND: usize = 4;

/// The outcome of a job in one round.
pub(super) enum Tried<J, D> {
    Done(D),
    Failed(Box<Failed<J>>),
    /// The job was not started because the store failed every request.
    Untried(Box<J>),
}

/// A job that failed.
pub(super) struct Failed<J> {
    /// The job to run again.
    pub(super) job: J,
    pub(super) error: Error,
    /// Whether another round may help.
    pub(super) again: bool,
}

impl<J, D> Tried<J, D> {
    pub(super) fn failed(job: J, error: Error, again: bool) -> Self {
        Self::Failed(Box::new(Failed { job, error, again }))
    }
}

/// Counts consecutive failures across all threads.
#[derive(Debug, Default)]
pub(super) struct Streak {
    failures: AtomicUsize,
    tripped: AtomicBool,
}

impl Streak {
    /// Resets the count after a success.
    pub(super) fn broken(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// Counts a failure. Returns true after so many in a row that the store itself may be down.
    pub(super) fn failed(&self) -> bool {
        (self.failures.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(STREAK)
    }

    /// Marks the store as down, so that this round starts no more jobs.
    pub(super) fn trip(&self) {
        self.tripped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_tripped(&self) -> bool {
        self.tripped.load(Ordering::Relaxed)
    }

    fn reset(&self) -> bool {
        self.broken();
        self.tripped.swap(false, Ordering::Relaxed)
    }
}

/// The outcome of all rounds.
pub(super) struct Ended<J, D> {
    pub(super) done: Vec<D>,
    /// The jobs that failed permanently. A job without an error was never tried because the store failed every request.
    pub(super) failed: Vec<(J, Option<Error>)>,
}

/// Runs the jobs in rounds until no job is left to retry or the store is given up.
///
/// # Errors
/// Errors of the work itself, which end the run immediately.
pub(super) fn run<W, J, D>(
    jobs: Vec<J>,
    context: &Context,
    work: &W,
    streak: &Streak,
    threads: impl Fn(&[J]) -> usize,
) -> Result<Ended<J, D>>
where
    W: Work<Job = J, Done = Tried<J, D>>,
    J: Send,
    D: Send,
{
    let mut ended = Ended { done: Vec::with_capacity(jobs.len()), failed: Vec::new() };
    let (mut jobs, mut pauses, mut was_down) = (jobs, PAUSES.iter(), false);
    loop {
        let (tried, begun) = (jobs.len(), context.clock.monotonic());
        let threads = threads(&jobs);
        let results = transfer::run_chunked(mem::take(&mut jobs), threads, &context.cancel, work)?;
        let before = ended.done.len();
        let mut left = Vec::new();
        for result in results {
            match result {
                Tried::Done(done) => ended.done.push(done),
                Tried::Untried(job) => left.push((*job, None)),
                Tried::Failed(failed) if failed.again => left.push((failed.job, Some(failed.error))),
                Tried::Failed(failed) => ended.failed.push((failed.job, Some(failed.error))),
            }
        }
        if left.is_empty() {
            return Ok(ended);
        }
        let succeeded = ended.done.len() - before;
        if succeeded * GOOD_ROUND >= tried {
            pauses = PAUSES.iter();
        }
        let slow = context.clock.monotonic().saturating_sub(begun) > PATIENCE;
        let down = succeeded == 0 && (streak.reset() || slow);
        // A store that worked before may recover soon, so it gets another chance.
        let given_up = down && (ended.done.is_empty() || slow || was_down);
        was_down = down;
        let (Some(pause), false) = (pauses.next(), given_up) else {
            ended.failed.append(&mut left);
            return Ok(ended);
        };
        streak.reset();
        log::info!("trying {} of {tried} again in {} s", left.len(), pause.as_secs_f32());
        context.clock.sleep(*pause, &context.cancel);
        context.cancel.check()?;
        jobs.extend(left.into_iter().map(|(job, _)| job));
    }
}

/// Runs `work` on every job in rounds, on at most `threads` threads. Returns the results in no particular order.
///
/// # Errors
/// The first permanent error, or else the first transient error that persisted.
pub(super) fn run_each<J: Copy + Send, D: Send>(
    jobs: Vec<J>,
    context: &Context,
    threads: usize,
    work: impl Fn(J) -> Result<D> + Sync,
) -> Result<Vec<D>> {
    let each = Each { work, streak: Streak::default(), types: PhantomData };
    let ended = run(jobs, context, &each, &each.streak, |jobs| threads.min(jobs.len()))?;
    match first_error(ended.failed) {
        Some(error) => Err(error),
        None => Ok(ended.done),
    }
}

/// Returns the error of the first job that has one.
pub(super) fn first_error<J>(failed: Vec<(J, Option<Error>)>) -> Option<Error> {
    failed.into_iter().find_map(|(_, error)| error)
}

struct Each<F, J, D> {
    work: F,
    streak: Streak,
    types: PhantomData<fn(J) -> D>,
}

impl<F: Fn(J) -> Result<D> + Sync, J: Copy + Send, D: Send> Work for Each<F, J, D> {
    type Job = J;
    type Open = ();
    type Done = Tried<J, D>;

    fn begin(&self, job: J, _: &Stop<'_>) -> Result<Next<Self>> {
        if self.streak.is_tripped() {
            return Ok(Next::Done(Tried::Untried(Box::new(job))));
        }
        match (self.work)(job) {
            Ok(done) => {
                self.streak.broken();
                Ok(Next::Done(Tried::Done(done)))
            }
            Err(error) if passes(&error) => {
                if self.streak.failed() {
                    self.streak.trip();
                }
                Ok(Next::Done(Tried::failed(job, error, true)))
            }
            Err(error) => Err(error),
        }
    }

    fn chunk(&self, (): &(), _: usize, _: &Stop<'_>) -> Result<()> {
        Ok(())
    }

    fn end(&self, (): (), _: &Stop<'_>) -> Result<Next<Self>> {
        Err(Error::Cancelled)
    }
}
