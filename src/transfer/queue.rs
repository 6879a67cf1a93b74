//! Chooses the next piece of work: a pure decision.
//!
//! A thread takes work from the job with the fewest threads. A job that has not begun has none; ties go to the earlier
//! job, and to a job that has begun before one that has not. So every job that has begun progresses, the others begin
//! in order, and when none are waiting, all threads help with the open ones: a lone large blob gets all threads, but
//! never while other jobs wait.
//!
//! A job's work aside from its chunks is taken first, because it takes as long as the chunks. While there is other
//! work, only a limited number of threads do it.

use std::collections::VecDeque;
use std::sync::Arc;

/// The jobs that have not ended. `J` is a job that has not begun, `O` one that has.
#[derive(Debug)]
pub(super) struct Queue<J, O> {
    /// The jobs that have not begun, the number of the first of them, and the jobs to begin again.
    waiting: VecDeque<J>,
    next: usize,
    again: VecDeque<(usize, J)>,
    open: Vec<Open<O>>,
    /// The number of jobs that a thread is beginning or ending; they may produce more work.
    held: usize,
    /// Whether jobs have work aside from their chunks.
    has_asides: bool,
    /// How many threads may do such work, which may wait, while there is other work.
    aside_limit: usize,
    /// How many threads are doing it.
    asides_running: usize,
}

#[derive(Debug)]
struct Open<O> {
    slot: usize,
    state: Arc<O>,
    chunks: usize,
    /// The first chunk that is not taken.
    next: usize,
    /// The number of threads working on its chunks.
    workers: usize,
    aside: Aside,
}

/// The state of the work aside from the chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aside {
    Waiting,
    UnderWay,
    Done,
}

/// A unit of work for a thread. The number is that of the job, in the order given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unit<J, O> {
    /// Begin this job.
    Begin(usize, J),
    /// Do this chunk.
    Chunk(usize, Arc<O>, usize),
    /// Do the work aside from the chunks.
    Aside(usize, Arc<O>),
}

impl<J, O> Queue<J, O> {
    pub(super) fn new(jobs: Vec<J>, aside_limit: usize) -> Self {
        Self {
            waiting: jobs.into(),
            next: 0,
            again: VecDeque::new(),
            open: Vec::new(),
            held: 0,
            has_asides: aside_limit > 0,
            aside_limit,
            asides_running: 0,
        }
    }

    /// Lowers the number of threads that may do aside work while there is other work.
    pub(super) fn limit_asides(&mut self, most: usize) {
        self.aside_limit = self.aside_limit.min(most);
    }

    /// Takes the next unit, or returns `None` if nothing can be taken now.
    pub(super) fn take(&mut self) -> Option<Unit<J, O>> {
        let may_wait = self.asides_running < self.aside_limit;
        if let Some(unit) = self.take_aside(may_wait) {
            return Some(unit);
        }
        let open = self.open.iter_mut().filter(|open| open.next < open.chunks).min_by_key(|open| open.workers);
        match open {
            Some(open) if open.workers == 0 || (self.waiting.is_empty() && self.again.is_empty()) => Some(open.take()),
            _ => match self.take_waiting() {
                Some((slot, job)) => {
                    self.held += 1;
                    Some(Unit::Begin(slot, job))
                }
                None => self.take_aside(true),
            },
        }
    }

    fn take_waiting(&mut self) -> Option<(usize, J)> {
        self.again.pop_front().or_else(|| {
            let job = self.waiting.pop_front()?;
            self.next += 1;
            Some((self.next - 1, job))
        })
    }

    /// Takes aside work; unless `may_wait`, only of a job whose chunks are all done.
    fn take_aside(&mut self, may_wait: bool) -> Option<Unit<J, O>> {
        let ready = |open: &Open<O>| may_wait || (open.workers == 0 && open.next >= open.chunks);
        let open = self.open.iter_mut().find(|open| open.aside == Aside::Waiting && ready(open))?;
        open.aside = Aside::UnderWay;
        self.asides_running += 1;
        Some(Unit::Aside(open.slot, open.state.clone()))
    }

    /// Records that a job has begun. The thread that began it does its first chunk.
    pub(super) fn opened(&mut self, slot: usize, state: O, chunks: usize) -> Unit<J, O> {
        self.held -= 1;
        let aside = if self.has_asides { Aside::Waiting } else { Aside::Done };
        let mut open = Open { slot, state: Arc::new(state), chunks: chunks.max(1), next: 0, workers: 0, aside };
        let unit = open.take();
        self.open.push(open);
        unit
    }

    /// Records that a chunk is done. If nothing else of the job is left, returns its state, to be ended.
    pub(super) fn chunk_done(&mut self, slot: usize) -> Option<Arc<O>> {
        self.done(slot, |open| open.workers -= 1)
    }

    /// Records that a job's aside work is done; otherwise like [`chunk_done`](Self::chunk_done).
    pub(super) fn aside_done(&mut self, slot: usize) -> Option<Arc<O>> {
        self.asides_running -= 1;
        self.done(slot, |open| open.aside = Aside::Done)
    }

    fn done(&mut self, slot: usize, note: impl FnOnce(&mut Open<O>)) -> Option<Arc<O>> {
        let at = self.open.iter().position(|open| open.slot == slot)?;
        let open = self.open.get_mut(at)?;
        note(open);
        if open.workers > 0 || open.next < open.chunks || open.aside != Aside::Done {
            return None;
        }
        self.held += 1;
        Some(self.open.swap_remove(at).state)
    }

    /// Records that a job has ended.
    pub(super) fn ended(&mut self) {
        self.held -= 1;
    }

    /// Puts back a job that must begin again, ahead of those that have not begun.
    pub(super) fn again(&mut self, slot: usize, job: J) {
        self.held -= 1;
        self.again.push_front((slot, job));
    }

    /// Returns whether all work is done.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.again.is_empty() && self.open.is_empty() && self.held == 0
    }

    /// Drops all waiting jobs and returns the state of the open ones, to be dropped.
    pub(super) fn clear(&mut self) -> Vec<Arc<O>> {
        self.waiting.clear();
        self.again.clear();
        self.open.drain(..).map(|open| open.state).collect()
    }
}

impl<O> Open<O> {
    fn take<J>(&mut self) -> Unit<J, O> {
        let unit = Unit::Chunk(self.slot, self.state.clone(), self.next);
        self.next += 1;
        self.workers += 1;
        unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what threads take one after another, none of them finishing: `b2` begins job 2, `2.1` is its chunk 1.
    /// Each job is its number of chunks; a job of one chunk is done once it has begun.
    fn taken(queue: &mut Queue<usize, ()>, threads: usize) -> Vec<String> {
        let unit = |queue: &mut Queue<usize, ()>| match queue.take() {
            Some(Unit::Begin(slot, 1)) => format!("b{slot}"),
            Some(Unit::Begin(slot, chunks)) => {
                let Unit::Chunk(_, _, chunk) = queue.opened(slot, (), chunks) else { unreachable!() };
                format!("b{slot}+{chunk}")
            }
            Some(Unit::Chunk(slot, _, chunk)) => format!("{slot}.{chunk}"),
            Some(Unit::Aside(slot, _)) => format!("{slot}a"),
            None => "-".to_owned(),
        };
        (0..threads).map(|_| unit(queue)).collect()
    }

    #[test]
    fn a_lone_job_gets_all_threads() {
        let mut queue = Queue::new(vec![100], 0);
        assert_eq!(taken(&mut queue, 4), ["b0+0", "0.1", "0.2", "0.3"]);
        let mut queue = Queue::new(vec![2], 0);
        assert_eq!(taken(&mut queue, 4), ["b0+0", "0.1", "-", "-"]);
    }

    #[test]
    fn every_job_begins_before_one_gets_a_second_thread() {
        let mut queue = Queue::new(vec![9, 5, 1, 1], 0);
        assert_eq!(taken(&mut queue, 8), ["b0+0", "b1+0", "b2", "b3", "0.1", "1.1", "0.2", "1.2"]);
    }

    #[test]
    fn what_has_begun_goes_on_and_what_is_ready_makes_room() {
        let mut queue = Queue::new(vec![9, 1, 1, 1], 0);
        assert_eq!(taken(&mut queue, 2), ["b0+0", "b1"]);
        assert!(queue.chunk_done(0).is_none());
        assert_eq!(taken(&mut queue, 1), ["0.1"]);
        queue.ended();
        assert_eq!(taken(&mut queue, 1), ["b2"]);
        queue.ended();
        assert_eq!(taken(&mut queue, 2), ["b3", "0.2"]);
    }

    #[test]
    fn work_aside_goes_first_on_few_threads_and_last_on_all() {
        let mut queue = Queue::new(vec![2, 2, 2], 1);
        assert_eq!(taken(&mut queue, 5), ["b0+0", "0a", "b1+0", "b2+0", "0.1"]);
        assert_eq!(taken(&mut queue, 5), ["1.1", "2.1", "1a", "2a", "-"]);
        assert!(queue.chunk_done(0).is_none() && queue.chunk_done(0).is_none());
        assert!(queue.aside_done(0).is_some());
        assert!(queue.chunk_done(1).is_none() && queue.aside_done(1).is_none());
        assert!(queue.chunk_done(1).is_some());
    }

    #[test]
    fn a_lone_thread_does_work_aside_once_the_chunks_are_done() {
        let mut queue = Queue::new(vec![2, 2], 2);
        queue.limit_asides(0);
        assert_eq!(taken(&mut queue, 1), ["b0+0"]);
        assert!(queue.chunk_done(0).is_none());
        assert_eq!(taken(&mut queue, 1), ["0.1"]);
        assert!(queue.chunk_done(0).is_none());
        assert_eq!(taken(&mut queue, 1), ["0a"]);
        assert!(queue.aside_done(0).is_some());
        assert_eq!(taken(&mut queue, 2), ["b1+0", "1.1"]);
    }

    #[test]
    fn the_last_chunk_to_end_ends_the_job_whichever_it_is() {
        let mut queue = Queue::new(vec![3], 0);
        assert_eq!(taken(&mut queue, 3), ["b0+0", "0.1", "0.2"]);
        assert!(queue.chunk_done(0).is_none() && queue.chunk_done(0).is_none() && !queue.is_over());
        assert!(queue.chunk_done(0).is_some());
        assert!(!queue.is_over() && queue.take().is_none());
        queue.again(0, 1);
        assert_eq!(taken(&mut queue, 1), ["b0"]);
        assert!(!queue.is_over());
        queue.ended();
        assert!(queue.is_over());
    }
}
