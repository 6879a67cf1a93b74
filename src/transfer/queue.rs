//! Which piece of work comes next: a pure decision.
//!
//! A thread goes to the piece where the fewest others are. A job that has not begun has nobody; of jobs with equally
//! many the earlier one is served, and one that has begun before one that has not. So every job that has begun keeps
//! going, the others begin in their order, and when there are none left, all threads help with what is still open: a
//! lone large blob gets them all, and never all of them while others wait.
//!
//! What a job has aside of its chunks goes first, for it takes as long as they do; but only so many threads are at such
//! work while there is other.

use std::collections::VecDeque;
use std::sync::Arc;

/// The jobs that have not ended. `J` is a job that has not begun, `O` one that has.
#[derive(Debug)]
pub(super) struct Queue<J, O> {
    /// The jobs that have not begun, the number of the first of them, and the jobs that begin again.
    waiting: VecDeque<J>,
    next: usize,
    again: VecDeque<(usize, J)>,
    open: Vec<Open<O>>,
    /// Jobs in the hands of a thread that begins or ends them: there may be more to do when it is through.
    held: usize,
    /// Whether jobs have work aside of their chunks.
    has_asides: bool,
    /// How many threads may be at such work, and wait, while there is other.
    aside_limit: usize,
    /// How many are.
    asides_running: usize,
}

#[derive(Debug)]
struct Open<O> {
    slot: usize,
    state: Arc<O>,
    chunks: usize,
    /// The first chunk that nobody has taken.
    next: usize,
    /// How many threads are at them.
    workers: usize,
    aside: Aside,
}

/// What there is to do aside of the chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aside {
    Waiting,
    UnderWay,
    Done,
}

/// What a thread is to do. The number is that of the job, in the order they were given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unit<J, O> {
    /// Begin this job.
    Begin(usize, J),
    /// Do this chunk.
    Chunk(usize, Arc<O>, usize),
    /// Do what there is aside of the chunks.
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

    /// Lowers the number of threads that may be at work aside while there is other work.
    pub(super) fn limit_asides(&mut self, most: usize) {
        self.aside_limit = self.aside_limit.min(most);
    }

    /// Takes the next unit; `None` when there is none, at least for now.
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

    /// Unless it `may_wait`, only that of a job whose chunks are all done.
    fn take_aside(&mut self, may_wait: bool) -> Option<Unit<J, O>> {
        let ready = |open: &Open<O>| may_wait || (open.workers == 0 && open.next >= open.chunks);
        let open = self.open.iter_mut().find(|open| open.aside == Aside::Waiting && ready(open))?;
        open.aside = Aside::UnderWay;
        self.asides_running += 1;
        Some(Unit::Aside(open.slot, open.state.clone()))
    }

    /// A job has begun. The thread that began it does its first chunk.
    pub(super) fn opened(&mut self, slot: usize, state: O, chunks: usize) -> Unit<J, O> {
        self.held -= 1;
        let aside = if self.has_asides { Aside::Waiting } else { Aside::Done };
        let mut open = Open { slot, state: Arc::new(state), chunks: chunks.max(1), next: 0, workers: 0, aside };
        let unit = open.take();
        self.open.push(open);
        unit
    }

    /// A chunk is done. When that was the last there was to do, the job is handed out to be ended.
    pub(super) fn chunk_done(&mut self, slot: usize) -> Option<Arc<O>> {
        self.done(slot, |open| open.workers -= 1)
    }

    /// What a job had aside is done, as [`chunk_done`](Self::chunk_done).
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

    /// A job has ended.
    pub(super) fn ended(&mut self) {
        self.held -= 1;
    }

    /// A job has to begin again, before those that have not begun.
    pub(super) fn again(&mut self, slot: usize, job: J) {
        self.held -= 1;
        self.again.push_front((slot, job));
    }

    /// Whether all is done.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.again.is_empty() && self.open.is_empty() && self.held == 0
    }

    /// Forgets everything; what has begun is handed out, to be dropped.
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

    /// What threads take one after the other, none of them getting ready: `b2` begins job 2, `2.1` is its chunk 1.
    /// `chunks` has those of every job; one chunk is a job that is done when it has begun.
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
