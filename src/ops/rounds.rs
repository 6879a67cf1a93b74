//! Runs jobs in rounds: those that fail with a transient error are tried again after all the others.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::base::{Error, Result, Unpoisoned as _};
use crate::ops::cache::S3Cache;
use crate::ops::persist::{PATIENCE, PAUSES};
use crate::transfer::{Next, Run};

/// After this many failures in a row, the store as a whole may be down.
const STREAK: usize = 16;
/// A round is poor if fewer than one in this many jobs succeeds. The number of consecutive poor rounds is limited to
/// the number of pauses, and so the cost of all rounds to a multiple of the first.
const GOOD_ROUND: usize = 4;

/// The outcome of a job in one round.
pub(super) enum Tried<J, D> {
    Done(D),
    Failed(Box<FailedJob<J>>),
    /// The job was not started because the store failed every request.
    Untried(Box<J>),
}

/// A job that failed.
pub(super) struct FailedJob<J> {
    /// The job to run again.
    pub(super) job: J,
    pub(super) error: Error,
    /// Whether another round may help.
    pub(super) again: bool,
}

impl<J, D> Tried<J, D> {
    pub(super) fn failed(job: J, error: Error, again: bool) -> Self {
        Self::Failed(Box::new(FailedJob { job, error, again }))
    }
}

/// Counts consecutive failures across all threads.
#[derive(Debug)]
pub(super) struct Streak {
    failures: AtomicUsize,
    tripped: AtomicBool,
    /// The last success, or the start of the round. In real time: only requests that get no answer take long.
    success: Mutex<Instant>,
}

impl Default for Streak {
    fn default() -> Self {
        let (failures, tripped) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { failures, tripped, success: Mutex::new(Instant::now()) }
    }
}

impl Streak {
    /// Resets the count after a success.
    pub(super) fn succeeded(&self) {
        self.failures.store(0, Ordering::Relaxed);
        *self.success.lock().unpoisoned() = Instant::now();
    }

    /// Counts a failure. Returns true after so many in a row, or so long without a success, that the store itself may
    /// be down.
    pub(super) fn failed(&self) -> bool {
        (self.failures.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(STREAK) || self.is_long()
    }

    /// Returns whether there has been no success for so long that asking once more would take too long.
    pub(super) fn is_long(&self) -> bool {
        self.success.lock().unpoisoned().elapsed() > PATIENCE
    }

    /// Marks the store as down, so that this round starts no more jobs.
    pub(super) fn trip(&self) {
        self.tripped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_tripped(&self) -> bool {
        self.tripped.load(Ordering::Relaxed)
    }

    fn reset(&self) -> bool {
        self.succeeded();
        self.tripped.swap(false, Ordering::Relaxed)
    }
}

/// Jobs that failed permanently. One without an error was never tried because the store failed every request.
pub(super) type Left<J> = Vec<(J, Option<Error>)>;

/// How to do the jobs: see [`Pool::run`](crate::transfer::Pool::run).
pub(super) struct Work<'a, 'w, J, D> {
    pub(super) splits: fn(&J) -> bool,
    pub(super) start: Start<'a, 'w, J, D>,
    pub(super) done: &'a mut (dyn FnMut(D) + Send),
}

type Start<'a, 'w, J, D> = &'a (dyn Fn(J, &Run<'_>) -> Result<Next<'w, J, Tried<J, D>>> + Sync);
type Jobs<'a, J> = &'a mut (dyn Iterator<Item = J> + Send);

/// Runs the jobs of `cache` in rounds until no job is left to retry or the store is given up. Passes results to `done`
/// as they come. Returns the jobs that failed permanently.
///
/// # Errors
/// Errors of `work` itself, which end the run immediately.
pub(super) fn run<'a, 'w, J: Send + 'w, D: Send + 'w>(
    cache: &'a S3Cache,
    jobs: Jobs<'_, J>,
    streak: &'a Streak,
    work: Work<'a, 'w, J, D>,
) -> Result<Left<J>> {
    let context = &cache.context;
    let mut round = Round { cache, work, streak };
    let (mut pauses, mut was_down, mut ever) = (PAUSES.iter(), false, false);
    let mut outcome = round.run(jobs)?;
    let mut failed = Vec::new();
    loop {
        failed.append(&mut outcome.failed);
        if outcome.left.is_empty() {
            return Ok(failed);
        }
        ever |= outcome.succeeded > 0;
        if outcome.succeeded * GOOD_ROUND >= outcome.tried {
            pauses = PAUSES.iter();
        }
        let slow = outcome.elapsed > PATIENCE;
        let down = outcome.succeeded == 0 && (streak.reset() || slow);
        // A store that worked before may recover soon, so it gets another chance.
        let given_up = down && (!ever || slow || was_down);
        was_down = down;
        let (Some(pause), false) = (pauses.next(), given_up) else {
            failed.append(&mut outcome.left);
            return Ok(failed);
        };
        streak.reset();
        log::info!("retrying {} of {} jobs in {} s", outcome.left.len(), outcome.tried, pause.as_secs_f32());
        context.clock.sleep(*pause, &context.cancel);
        context.cancel.check()?;
        outcome = round.run(&mut outcome.left.into_iter().map(|(job, _)| job))?;
    }
}

struct Round<'a, 'w, J, D> {
    cache: &'a S3Cache,
    work: Work<'a, 'w, J, D>,
    streak: &'a Streak,
}

/// The outcome of one round.
struct RoundOutcome<J> {
    tried: usize,
    succeeded: usize,
    failed: Left<J>,
    /// The jobs to run again.
    left: Left<J>,
    elapsed: Duration,
}

impl<'w, J: Send + 'w, D: Send + 'w> Round<'_, 'w, J, D> {
    fn run(&mut self, jobs: Jobs<'_, J>) -> Result<RoundOutcome<J>> {
        let S3Cache { pool, context, .. } = self.cache;
        let begun = context.clock.monotonic();
        self.streak.succeeded();
        let (tried, mut succeeded, mut failed, mut left) = (AtomicUsize::new(0), 0, Vec::new(), Vec::new());
        let jobs = jobs.inspect(|_| {
            tried.fetch_add(1, Ordering::Relaxed);
        });
        let start = |job, run: &Run<'_>| match self.streak.is_tripped() {
            true => Ok(Next::Done(Tried::Untried(Box::new(job)))),
            false => (self.work.start)(job, run),
        };
        pool.run(jobs, &context.cancel, self.work.splits, start, |tried| match tried {
            Tried::Done(done) => {
                succeeded += 1;
                (self.work.done)(done);
            }
            Tried::Untried(job) => left.push((*job, None)),
            Tried::Failed(job) if job.again => left.push((job.job, Some(job.error))),
            Tried::Failed(job) => failed.push((job.job, Some(job.error))),
        })?;
        let elapsed = context.clock.monotonic().saturating_sub(begun);
        Ok(RoundOutcome { tried: tried.into_inner(), succeeded, failed, left, elapsed })
    }
}

/// Runs `work` on every job in rounds. Returns the results in no particular order.
///
/// # Errors
/// The first permanent error, or else the first transient error that persisted.
pub(super) fn run_each<J: Copy + Sync, D: Send>(
    cache: &S3Cache,
    jobs: impl IntoIterator<Item = J>,
    work: impl Fn(J) -> Result<D> + Sync,
) -> Result<Vec<D>> {
    let (jobs, results) = (jobs.into_iter().collect::<Vec<J>>(), Mutex::new(Vec::new()));
    let work = |at: usize| {
        if let Some(job) = jobs.get(at) {
            let result = work(*job)?;
            results.lock().unpoisoned().push(result);
        }
        Ok(())
    };
    run_numbered(cache, jobs.len(), &work)?;
    Ok(results.into_inner().unpoisoned())
}

/// Runs `work` on the numbers below `count` in rounds.
fn run_numbered(cache: &S3Cache, count: usize, work: &(dyn Fn(usize) -> Result<()> + Sync)) -> Result<()> {
    let streak = Streak::default();
    let start = |job: usize, _: &Run<'_>| match work(job) {
        Ok(()) => {
            streak.succeeded();
            Ok(Next::Done(Tried::Done(())))
        }
        Err(error) if error.is_transient() => {
            if streak.failed() {
                streak.trip();
            }
            Ok(Next::Done(Tried::failed(job, error, true)))
        }
        Err(error) => Err(error),
    };
    let work = Work { splits: |_| false, start: &start, done: &mut |()| () };
    let failed = run(cache, &mut (0..count), &streak, work)?;
    first_error(failed).map_or(Ok(()), Err)
}

/// Returns the error of the first job that has one.
pub(super) fn first_error<J>(failed: Left<J>) -> Option<Error> {
    failed.into_iter().find_map(|(_, error)| error)
}
