use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::base::{Cancel, Error};

use super::*;

/// Returns a pool of exactly that many threads.
fn pool(threads: usize) -> Pool {
    Pool::with_threads(threads)
}

/// Runs the jobs and returns their results in the order they came in.
fn run<'w, J: Send + 'w, D: Send + 'w>(
    jobs: Vec<J>,
    threads: usize,
    start: impl Fn(J, &Run<'_>) -> Result<Next<'w, J, D>> + Sync,
) -> Result<Vec<D>> {
    let mut results = Vec::new();
    pool(threads).run(jobs.into_iter(), &Cancel::new(), |_| false, start, |result| results.push(result))?;
    Ok(results)
}

#[test]
fn results_are_in_the_order_of_the_jobs() {
    for threads in [0, 1, 3, 500] {
        let doubled = pool(threads).map((0..100).collect(), &Cancel::new(), |job: u32, _| Ok(job * 2)).unwrap();
        assert_eq!(doubled, (0..100).map(|job| job * 2).collect::<Vec<_>>());
    }
    assert!(pool(4).map(Vec::<u8>::new(), &Cancel::new(), |_, _| Ok(())).unwrap().is_empty());
}

#[test]
fn the_first_error_stops_new_jobs_and_those_under_way() {
    let started = AtomicUsize::new(0);
    let both_run = Barrier::new(2);
    let error = run::<u32, ()>((0..1000).collect(), 2, |job, run| {
        started.fetch_add(1, Ordering::Relaxed);
        both_run.wait();
        if job == 0 {
            return Err(Error::usage("the first"));
        }
        while run.check().is_ok() {
            thread::yield_now();
        }
        Err(Error::usage("a later one"))
    })
    .unwrap_err();
    assert_eq!(error.to_string(), "the first");
    assert_eq!(started.into_inner(), 2);
}

#[test]
fn cancelling_is_an_error_unless_everything_was_done() {
    let cancel = Cancel::new();
    let result = pool(1).map(vec![1, 2, 3], &cancel, |job, _| {
        if job == 2 {
            cancel.cancel();
        }
        Ok(job)
    });
    assert!(matches!(result, Err(Error::Cancelled)));
    let late = Cancel::new();
    let result = pool(1).map(vec![1], &late, |job, _| {
        late.cancel();
        Ok(job)
    });
    assert_eq!(result.unwrap(), [1]);
}

#[test]
fn a_million_jobs_are_taken_only_when_a_thread_is_free() {
    let (taken, done, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let jobs = (0..1_000_000_usize).inspect(|_| {
        taken.fetch_add(1, Ordering::Relaxed);
    });
    let mut sum = 0;
    let start = |job, _: &Run<'_>| {
        let ahead = taken.load(Ordering::Relaxed).saturating_sub(done.fetch_add(1, Ordering::Relaxed));
        most.fetch_max(ahead, Ordering::Relaxed);
        Ok(Next::Done(job))
    };
    pool(4).run(jobs, &Cancel::new(), |_| false, start, |job: usize| sum += job).unwrap();
    assert_eq!(sum, 999_999 * 500_000);
    // One job per thread, and the next one.
    assert!(most.into_inner() <= 5);
}

#[test]
fn threads_are_added_only_for_work() {
    let threads = |jobs: usize| {
        let ids = std::sync::Mutex::new(HashSet::new());
        let everybody = Barrier::new(jobs.min(3));
        let start = |(): (), _: &Run<'_>| {
            ids.lock().unwrap().insert(thread::current().id());
            everybody.wait();
            Ok(Next::Done(()))
        };
        run(vec![(); jobs], 3, start).unwrap();
        ids.into_inner().unwrap().len()
    };
    assert_eq!([threads(1), threads(2), threads(3), threads(9)], [1, 2, 3, 3]);
}

/// A job of `parts` parts, which returns their number. The first time, it may start again.
struct Counted<'a> {
    parts: usize,
    again: bool,
    done: AtomicUsize,
    /// All parts wait for each other.
    everybody: Option<&'a Barrier>,
}

impl<'a> Split<'a, (usize, bool), usize> for Counted<'a> {
    fn parts(&self) -> usize {
        self.parts
    }

    fn part(&self, index: usize, _: &Run<'_>) -> Result<()> {
        assert!(index < self.parts);
        if let Some(everybody) = self.everybody {
            everybody.wait();
        }
        self.done.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Run<'_>) -> Result<Next<'a, (usize, bool), usize>> {
        assert_eq!(self.done.load(Ordering::SeqCst), self.parts);
        Ok(if self.again { Next::Again((self.parts, false)) } else { Next::Done(self.parts) })
    }
}

#[test]
fn a_lone_job_is_done_by_all_threads_and_may_start_again() {
    // Eight parts in groups of four: fewer than four threads would never finish.
    let everybody = Barrier::new(4);
    let start = |(parts, again), _: &Run<'_>| -> Result<Next<'_, (usize, bool), usize>> {
        Ok(Next::Split(Box::new(Counted { parts, again, done: AtomicUsize::new(0), everybody: Some(&everybody) })))
    };
    assert_eq!(run(vec![(8, true)], 4, start).unwrap(), [8]);
}

#[test]
fn jobs_of_any_size_are_all_done() {
    let start = |(parts, again), _: &Run<'_>| -> Result<Next<'static, (usize, bool), usize>> {
        Ok(match parts {
            1 => Next::Done(1),
            _ => Next::Split(Box::new(Counted { parts, again, done: AtomicUsize::new(0), everybody: None })),
        })
    };
    for threads in [1, 3, 16] {
        let jobs: Vec<_> = (1..200).map(|at| (at % 7 + 1, at % 11 == 0)).collect();
        let mut expected: Vec<usize> = jobs.iter().map(|job| job.0).collect();
        let mut results = run(jobs, threads, start).unwrap();
        expected.sort_unstable();
        results.sort_unstable();
        assert_eq!(results, expected);
    }
}

/// Records when it is dropped.
struct Failing<'a> {
    dropped: &'a AtomicUsize,
    fails_at: Option<usize>,
    cancel: &'a Cancel,
}

impl Drop for Failing<'_> {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

impl<'a> Split<'a, (), ()> for Failing<'a> {
    fn parts(&self) -> usize {
        100
    }

    fn part(&self, index: usize, _: &Run<'_>) -> Result<()> {
        if self.fails_at == Some(index) {
            return Err(Error::usage("a part"));
        }
        if index == 50 {
            self.cancel.cancel();
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Run<'_>) -> Result<Next<'a, (), ()>> {
        Ok(Next::Done(()))
    }
}

#[test]
fn started_jobs_are_dropped_when_a_run_fails_or_is_cancelled() {
    for (fails_at, message) in [(Some(0), "a part"), (Some(40), "a part"), (None, "cancelled")] {
        let (dropped, cancel) = (AtomicUsize::new(0), Cancel::new());
        let start = |(), _: &Run<'_>| -> Result<Next<'_, (), ()>> {
            Ok(Next::Split(Box::new(Failing { dropped: &dropped, fails_at, cancel: &cancel })))
        };
        let error = pool(3).run([(), (), ()].into_iter(), &cancel, |()| true, start, |()| {}).unwrap_err();
        assert_eq!(error.to_string(), message);
        let dropped = dropped.load(Ordering::SeqCst);
        assert!((1..=3).contains(&dropped), "{dropped}");
    }
}

/// Its first part opens the gate, for which the others wait.
struct Gated {
    opens: fn(&AtomicBool),
    open: AtomicBool,
}

impl Split<'static, (), ()> for Gated {
    fn parts(&self) -> usize {
        4
    }

    fn part(&self, index: usize, run: &Run<'_>) -> Result<()> {
        if index == 0 {
            (self.opens)(&self.open);
            run.notify();
        }
        run.wait_for(|| self.open.load(Ordering::SeqCst).then_some(()))
    }

    fn finish(self: Box<Self>, _: &Run<'_>) -> Result<Next<'static, (), ()>> {
        Ok(Next::Done(()))
    }
}

fn gated(opens: fn(&AtomicBool)) -> impl Fn((), &Run<'_>) -> Result<Next<'static, (), ()>> + Sync {
    move |(), _| Ok(Next::Split(Box::new(Gated { opens, open: AtomicBool::new(false) })))
}

#[test]
fn parts_may_wait_for_an_earlier_part() {
    for threads in [1, 2, 4, 16] {
        assert_eq!(run(vec![(); 50], threads, gated(|open| open.store(true, Ordering::SeqCst))).unwrap().len(), 50);
    }
}

#[test]
fn waiting_threads_stop_when_another_one_panics() {
    let all = || run(vec![()], 4, gated(|_| panic!("the first part")));
    assert!(catch_unwind(AssertUnwindSafe(all)).is_err());
}

#[test]
fn waiting_threads_stop_as_soon_as_the_run_is_cancelled() {
    let cancel = Cancel::new();
    let waits = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            waits.wait();
            cancel.cancel();
        });
        let start = |(), run: &Run<'_>| -> Result<Next<'static, (), ()>> {
            waits.wait();
            run.wait_for(|| None::<()>).map(|()| Next::Done(()))
        };
        let result = pool(1).run(std::iter::once(()), &cancel, |()| false, start, |()| {});
        assert!(matches!(result, Err(Error::Cancelled)));
    });
}
