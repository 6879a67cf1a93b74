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
    assert!(matches!(result, Err(Error::Cancelled)));
    let late = Cancel::new();
    let result = run(vec![1], 1, &late, |job, _| {
        late.cancel();
        Ok(job)
    });
    assert_eq!(result.unwrap(), [1]);
}

/// A job is its number of chunks, and whether it begins a second time. It returns the number of chunks.
struct Chunks<'a> {
    most_at_once: &'a AtomicUsize,
    now: AtomicUsize,
    everybody: Barrier,
}

impl Work for Chunks<'_> {
    type Job = (usize, bool);
    type Open = (usize, AtomicUsize, bool);
    type Done = usize;

    fn begin(&self, (chunks, again): (usize, bool), _: &Stop<'_>) -> Result<Next<Self>> {
        Ok(if chunks == 1 { Next::Done(1) } else { Next::Chunks((chunks, AtomicUsize::new(0), again), chunks) })
    }

    fn chunk(&self, (chunks, done, _): &Self::Open, index: usize, _: &Stop<'_>) -> Result<()> {
        assert!(index < *chunks);
        self.most_at_once.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        if *chunks == 8 {
            self.everybody.wait();
        }
        self.now.fetch_sub(1, Ordering::SeqCst);
        done.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn end(&self, (chunks, done, again): Self::Open, _: &Stop<'_>) -> Result<Next<Self>> {
        assert_eq!(done.load(Ordering::SeqCst), chunks);
        Ok(if again { Next::Again((chunks, false)) } else { Next::Done(chunks) })
    }
}

#[test]
fn a_lone_job_is_done_by_all_threads_and_may_begin_again() {
    let most = AtomicUsize::new(0);
    let work = Chunks { most_at_once: &most, now: AtomicUsize::new(0), everybody: Barrier::new(4) };
    assert_eq!(run_chunked(vec![(8, true)], 4, &Cancel::new(), &work).unwrap(), [8]);
    assert_eq!(most.into_inner(), 4);
}

#[test]
fn jobs_of_any_size_come_back_in_their_order() {
    let most = AtomicUsize::new(0);
    let work = Chunks { most_at_once: &most, now: AtomicUsize::new(0), everybody: Barrier::new(1) };
    for threads in [1, 3, 16] {
        let jobs: Vec<_> = (1..200).map(|at| (at % 7 + 1, at % 11 == 0)).collect();
        let expected: Vec<usize> = jobs.iter().map(|job| job.0).collect();
        assert_eq!(run_chunked(jobs, threads, &Cancel::new(), &work).unwrap(), expected);
    }
}

/// Records when it is dropped.
struct Opened<'a>(&'a AtomicUsize);

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Failing<'a> {
    dropped: &'a AtomicUsize,
    fails_at: Option<usize>,
    cancel: Cancel,
}

impl<'a> Work for Failing<'a> {
    type Job = ();
    type Open = Opened<'a>;
    type Done = ();

    fn begin(&self, (): (), _: &Stop<'_>) -> Result<Next<Self>> {
        Ok(Next::Chunks(Opened(self.dropped), 100))
    }

    fn chunk(&self, _: &Opened<'a>, index: usize, _: &Stop<'_>) -> Result<()> {
        if self.fails_at == Some(index) {
            return Err(failure("a chunk"));
        }
        if index == 50 {
            self.cancel.cancel();
        }
        Ok(())
    }

    fn end(&self, _: Opened<'a>, _: &Stop<'_>) -> Result<Next<Self>> {
        Ok(Next::Done(()))
    }
}

#[test]
fn what_has_begun_is_dropped_when_a_run_fails_or_is_cancelled() {
    for (fails_at, message) in [(Some(0), "a chunk"), (Some(40), "a chunk"), (None, "cancelled")] {
        let dropped = AtomicUsize::new(0);
        let cancel = Cancel::new();
        let work = Failing { dropped: &dropped, fails_at, cancel: cancel.clone() };
        let error = run_chunked(vec![(), (), ()], 3, &cancel, &work).unwrap_err();
        assert_eq!(error.to_string(), message);
        let dropped = dropped.into_inner();
        assert!((1..=3).contains(&dropped), "{dropped}");
    }
}

/// Panics in its first chunk, for which the others wait.
struct Panicking(Bell);

impl Work for Panicking {
    type Job = ();
    type Open = ();
    type Done = ();

    fn begin(&self, (): (), _: &Stop<'_>) -> Result<Next<Self>> {
        Ok(Next::Chunks((), 4))
    }

    fn chunk(&self, (): &(), index: usize, stop: &Stop<'_>) -> Result<()> {
        assert!(index > 0, "the first chunk");
        self.0.wait_for(stop, || None)
    }

    fn end(&self, (): (), _: &Stop<'_>) -> Result<Next<Self>> {
        Ok(Next::Done(()))
    }
}

#[test]
fn who_waits_for_one_that_panics_goes_home() {
    let run = || run_chunked(vec![()], 4, &Cancel::new(), &Panicking(Bell::default()));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
}

/// One job of many chunks, whose aside work waits for all of them.
struct Follows {
    done: AtomicUsize,
    bell: Bell,
}

impl Work for Follows {
    type Job = usize;
    type Open = (usize, AtomicUsize);
    type Done = usize;

    fn begin(&self, chunks: usize, _: &Stop<'_>) -> Result<Next<Self>> {
        Ok(Next::Chunks((chunks, AtomicUsize::new(0)), chunks))
    }

    fn chunk(&self, (_, done): &Self::Open, _: usize, _: &Stop<'_>) -> Result<()> {
        done.fetch_add(1, Ordering::SeqCst);
        self.bell.ring();
        Ok(())
    }

    fn asides(&self) -> usize {
        2
    }

    fn aside(&self, (chunks, done): &Self::Open, stop: &Stop<'_>) -> Result<()> {
        self.bell.wait_for(stop, || (done.load(Ordering::SeqCst) == *chunks).then_some(()))?;
        self.done.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn end(&self, (chunks, _): Self::Open, _: &Stop<'_>) -> Result<Next<Self>> {
        Ok(Next::Done(chunks))
    }
}

#[test]
fn work_aside_may_wait_for_the_chunks() {
    for threads in [3, 4, 16] {
        let work = Follows { done: AtomicUsize::new(0), bell: Bell::default() };
        let jobs: Vec<usize> = (0..50).map(|at| at % 7 + 2).collect();
        assert_eq!(run_chunked(jobs.clone(), threads, &Cancel::new(), &work).unwrap(), jobs);
        assert_eq!(work.done.into_inner(), jobs.len());
    }
}
