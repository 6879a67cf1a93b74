//! The thread pool: jobs in a queue, scoped threads, results in the order of the jobs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::base::{Cancel, Error, Result};

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

/// Runs `work` on every job, on at most `threads` threads, and returns the results in the order of the jobs.
///
/// Jobs start in their order. The first error stops new jobs, asks those under way to stop, and is returned once they
/// have; no thread outlives the call.
///
/// # Errors
/// The first error of a job; [`Error::Canceled`] when `cancel` was cancelled before the last job began.
pub(crate) fn run<J: Send, T: Send>(
    jobs: Vec<J>,
    threads: usize,
    cancel: &Cancel,
    work: impl Fn(J, &Stop<'_>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let threads = threads.clamp(1, jobs.len().max(1));
    let total = jobs.len();
    let queue = Mutex::new(jobs.into_iter().enumerate().collect::<VecDeque<_>>());
    let done = Mutex::new(Vec::with_capacity(total));
    let first_error = Mutex::new(None);
    let failed = AtomicBool::new(false);
    let worker = || {
        let stop = Stop { cancel, failed: &failed };
        while let Some((index, job)) = next(&queue, &stop) {
            match work(job, &stop) {
                Ok(result) => done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result)),
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(worker);
        }
        worker();
    });
    if let Some(error) = first_error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    if done.len() < total {
        return Err(Error::Canceled);
    }
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

fn next<J>(queue: &Mutex<VecDeque<J>>, stop: &Stop<'_>) -> Option<J> {
    stop.check().ok()?;
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;

    use crate::base::Problem;

    use super::*;

    fn failure(text: &str) -> Error {
        Error::Usage(Problem::new(text))
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        for threads in [0, 1, 3, 500] {
            let doubled = run((0..100).collect(), threads, &Cancel::new(), |job: u32, _| Ok(job * 2)).unwrap();
            assert_eq!(doubled, (0..100).map(|job| job * 2).collect::<Vec<_>>());
        }
        assert!(run(Vec::<u8>::new(), 4, &Cancel::new(), |_, _| Ok(())).unwrap().is_empty());
    }

    #[test]
    fn the_first_error_stops_new_jobs_and_those_under_way() {
        let started = AtomicUsize::new(0);
        let both_run = Barrier::new(2);
        let error = run::<u32, ()>((0..1000).collect(), 2, &Cancel::new(), |job, stop| {
            started.fetch_add(1, Ordering::Relaxed);
            both_run.wait();
            if job == 0 {
                return Err(failure("the first"));
            }
            while stop.check().is_ok() {
                thread::yield_now();
            }
            Err(failure("a later one"))
        })
        .unwrap_err();
        assert_eq!(error.to_string(), "the first");
        assert_eq!(started.into_inner(), 2);
    }

    #[test]
    fn cancelling_is_an_error_unless_all_was_done() {
        let cancel = Cancel::new();
        let result = run(vec![1, 2, 3], 1, &cancel, |job, _| {
            if job == 2 {
                cancel.cancel();
            }
            Ok(job)
        });
        assert!(matches!(result, Err(Error::Canceled)));
        let late = Cancel::new();
        let result = run(vec![1], 1, &late, |job, _| {
            late.cancel();
            Ok(job)
        });
        assert_eq!(result.unwrap(), [1]);
    }
}
