//! Chooses the next piece of work: a pure decision.
//!
//! A thread takes the next part of the earliest open job. Another job is started only if no part is left, or, if the job
//! will have parts, when at most `ahead` parts are left: its first part prepares the others, so it is started early.
//! While such a job is being started, no other is: its parts may keep all threads busy. So few jobs are open at a time,
//! and an interruption loses little.

use std::collections::VecDeque;
use std::iter::{Fuse, Peekable};
use std::sync::Arc;

/// The jobs that are not done. `I` yields those that have not started, `O` is one that has.
#[derive(Debug)]
pub(super) struct Queue<I: Iterator, O> {
    /// Returns whether a job will have parts.
    splits: fn(&I::Item) -> bool,
    /// A job that will have parts is started when no more than this many parts of others are left.
    ahead: usize,
    waiting: Peekable<Fuse<I>>,
    /// The jobs to start again.
    again: VecDeque<I::Item>,
    /// In the order in which they were opened.
    open: Vec<Open<O>>,
    /// The slot of the next job that is opened.
    next_slot: usize,
    /// The number of jobs that a thread is starting or finishing; they may produce more work.
    held: usize,
    /// A job that will have parts is being started.
    opening: bool,
    /// No more jobs are taken.
    closed: bool,
    /// Jobs were dropped before they were done.
    cut_short: bool,
}

#[derive(Debug)]
struct Open<O> {
    slot: usize,
    state: Arc<O>,
    parts: usize,
    /// The first part that is not taken.
    next: usize,
    /// The number of threads working on its parts.
    workers: usize,
}

/// A unit of work for a thread.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unit<J, O> {
    /// Start this job.
    Start(J),
    /// Start this job, which will have parts. Afterwards, call [`Queue::started`].
    Open(J),
    /// Do this part of the job in this slot.
    Part(usize, Arc<O>, usize),
}

impl<I: Iterator, O> Queue<I, O> {
    pub(super) fn new(jobs: I, splits: fn(&I::Item) -> bool, ahead: usize) -> Self {
        Self {
            splits,
            ahead,
            waiting: jobs.fuse().peekable(),
            again: VecDeque::new(),
            open: Vec::new(),
            next_slot: 0,
            held: 0,
            opening: false,
            closed: false,
            cut_short: false,
        }
    }

    /// Takes the next unit, or returns `None` if nothing can be taken now.
    pub(super) fn take(&mut self) -> Option<Unit<I::Item, O>> {
        let left: usize = self.open.iter().map(|open| open.parts - open.next).sum();
        if (left > self.ahead || !self.opens_next())
            && let Some(open) = self.open.iter_mut().find(|open| open.next < open.parts)
        {
            return Some(open.take());
        }
        if self.opening || self.closed {
            return None;
        }
        let job = self.again.pop_front().or_else(|| self.waiting.next())?;
        self.held += 1;
        self.opening = (self.splits)(&job);
        Some(if self.opening { Unit::Open(job) } else { Unit::Start(job) })
    }

    /// Returns whether the next job to start will have parts, and may be started.
    fn opens_next(&mut self) -> bool {
        let next = self.again.front().or_else(|| self.waiting.peek());
        !self.opening && !self.closed && next.is_some_and(self.splits)
    }

    /// Returns whether there is a unit to take now.
    pub(super) fn has_unit(&mut self) -> bool {
        (self.has_waiting() && !self.opening) || self.open.iter().any(|open| open.next < open.parts)
    }

    fn has_waiting(&mut self) -> bool {
        !self.closed && (!self.again.is_empty() || self.waiting.peek().is_some())
    }

    /// Records that the job that was to be opened has started, whether or not it has parts. Other jobs may start again.
    pub(super) fn started(&mut self) {
        self.opening = false;
    }

    /// Records that a job has started and has parts. The thread that started it does the first.
    pub(super) fn opened(&mut self, state: O, parts: usize) -> Unit<I::Item, O> {
        self.held -= 1;
        let slot = self.next_slot;
        self.next_slot += 1;
        let mut open = Open { slot, state: Arc::new(state), parts: parts.max(1), next: 0, workers: 0 };
        let unit = open.take();
        self.open.push(open);
        unit
    }

    /// Records that a part is done. If it was the last of its job, returns the job's state, to be finished.
    pub(super) fn part_done(&mut self, slot: usize) -> Option<Arc<O>> {
        let at = self.open.iter().position(|open| open.slot == slot)?;
        let open = self.open.get_mut(at)?;
        open.workers -= 1;
        if open.workers > 0 || open.next < open.parts {
            return None;
        }
        self.held += 1;
        Some(self.open.remove(at).state)
    }

    /// Records that a job is done.
    pub(super) fn ended(&mut self) {
        self.held -= 1;
    }

    /// Puts back a job that must start again, ahead of those that have not started.
    pub(super) fn again(&mut self, job: I::Item) {
        self.held -= 1;
        self.cut_short |= self.closed;
        self.again.push_front(job);
    }

    /// Returns whether all jobs are done.
    pub(super) fn is_done(&mut self) -> bool {
        !self.cut_short && !self.has_waiting() && self.open.is_empty() && self.held == 0
    }

    /// Takes no more jobs and returns the state of the open ones, to be dropped.
    pub(super) fn clear(&mut self) -> Vec<Arc<O>> {
        self.cut_short |= self.has_waiting() || !self.open.is_empty();
        self.closed = true;
        self.again.clear();
        self.open.drain(..).map(|open| open.state).collect()
    }
}

impl<O> Open<O> {
    fn take<J>(&mut self) -> Unit<J, O> {
        let unit = Unit::Part(self.slot, self.state.clone(), self.next);
        self.next += 1;
        self.workers += 1;
        unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Jobs<'a> = Queue<std::iter::Copied<std::slice::Iter<'a, usize>>, ()>;

    /// Each job is its number of parts; a job of one part is done once it has started.
    fn queue(jobs: &[usize]) -> Jobs<'_> {
        queue_ahead(jobs, 0)
    }

    fn queue_ahead(jobs: &[usize], ahead: usize) -> Jobs<'_> {
        Queue::new(jobs.iter().copied(), |parts| *parts > 1, ahead)
    }

    /// Returns what threads take one after another, none of them finishing: `s` starts a job, `2.1` is part 1 of the job
    /// that was opened third.
    fn taken(queue: &mut Jobs<'_>, threads: usize) -> Vec<String> {
        let unit = |queue: &mut Jobs<'_>| match queue.take() {
            Some(Unit::Start(_)) => "s".to_owned(),
            Some(Unit::Open(parts)) => {
                queue.started();
                let Unit::Part(slot, _, part) = queue.opened((), parts) else { unreachable!() };
                format!("s{slot}+{part}")
            }
            Some(Unit::Part(slot, _, part)) => format!("{slot}.{part}"),
            None => "-".to_owned(),
        };
        (0..threads).map(|_| unit(queue)).collect()
    }

    #[test]
    fn a_lone_job_gets_all_threads() {
        assert_eq!(taken(&mut queue(&[100]), 4), ["s0+0", "0.1", "0.2", "0.3"]);
        assert_eq!(taken(&mut queue(&[2]), 4), ["s0+0", "0.1", "-", "-"]);
    }

    #[test]
    fn a_job_starts_only_if_no_open_one_has_a_part_left() {
        let mut queue = queue(&[3, 1, 2, 1, 5]);
        assert_eq!(taken(&mut queue, 8), ["s0+0", "0.1", "0.2", "s", "s1+0", "1.1", "s", "s2+0"]);
    }

    #[test]
    fn the_earliest_open_job_is_served_first() {
        let mut queue = queue(&[9, 1, 1, 1]);
        assert_eq!(taken(&mut queue, 2), ["s0+0", "0.1"]);
        assert!(queue.part_done(0).is_none());
        assert_eq!(taken(&mut queue, 8), ["0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "s"]);
    }

    #[test]
    fn a_job_with_parts_starts_while_a_few_of_others_are_left() {
        let mut queue = queue_ahead(&[4, 1, 3, 2], 2);
        assert_eq!(taken(&mut queue, 5), ["s0+0", "0.1", "0.2", "0.3", "s"]);
        assert_eq!(taken(&mut queue, 6), ["s1+0", "s2+0", "1.1", "1.2", "2.1", "-"]);
    }

    #[test]
    fn no_job_starts_while_one_that_will_have_parts_is_started() {
        let mut queue = queue(&[1, 4, 1]);
        assert_eq!(queue.take(), Some(Unit::Start(1)));
        assert_eq!(queue.take(), Some(Unit::Open(4)));
        assert!(!queue.has_unit() && queue.take().is_none());
        // That the other job ends changes nothing.
        queue.ended();
        assert!(!queue.has_unit() && queue.take().is_none());
        // It is done without parts after all.
        queue.started();
        queue.ended();
        assert!(queue.has_unit());
        assert_eq!(taken(&mut queue, 2), ["s", "-"]);
    }

    #[test]
    fn the_last_part_to_end_finishes_the_job_whichever_it_is() {
        let mut queue = queue(&[3]);
        assert!(queue.has_unit());
        assert_eq!(taken(&mut queue, 3), ["s0+0", "0.1", "0.2"]);
        assert!(!queue.has_unit());
        assert!(queue.part_done(0).is_none() && queue.part_done(0).is_none() && !queue.is_done());
        assert!(queue.part_done(0).is_some());
        assert!(!queue.is_done() && queue.take().is_none());
        queue.again(1);
        assert_eq!(taken(&mut queue, 1), ["s"]);
        assert!(!queue.is_done());
        queue.ended();
        assert!(queue.is_done());
    }

    #[test]
    fn a_cleared_queue_is_done_only_if_nothing_was_left() {
        let mut left = queue(&[1, 1]);
        assert_eq!(taken(&mut left, 1), ["s"]);
        assert!(left.clear().is_empty());
        left.ended();
        assert!(!left.is_done());
        let mut last = queue(&[1]);
        assert_eq!(taken(&mut last, 1), ["s"]);
        assert!(last.clear().is_empty());
        last.ended();
        assert!(last.is_done());
    }
}
