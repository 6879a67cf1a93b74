//! Hides the types of jobs, results and callbacks from the threads of a run, so that the program contains their code once.

use std::sync::Mutex;

use super::{Next, Run, Split};
use crate::base::{Result, Unpoisoned as _};

/// A job of any type, which passes on its result itself.
pub(super) trait ErasedJob<'r>: Send {
    /// Returns whether the job will have parts.
    fn splits(&self) -> bool;

    /// Starts the job.
    fn start(self: Box<Self>, run: &Run<'_>) -> Result<AnyNext<'r>>;
}

pub(super) type AnyJob<'r> = Box<dyn ErasedJob<'r> + 'r>;

/// A job that has started, shared by the threads that do its parts.
pub(super) type SplitJob<'r> = Box<dyn Split<'r, AnyJob<'r>, ()> + 'r>;

pub(super) type AnyNext<'r> = Next<'r, AnyJob<'r>, ()>;

/// What the caller of a run does with jobs of type `J` and their results.
pub(super) struct Calls<J, S, F> {
    pub(super) splits: fn(&J) -> bool,
    pub(super) start: S,
    pub(super) done: Mutex<F>,
}

/// A job that has not started, or its parts, with the calls for it.
struct Typed<'r, T, J, S, F> {
    it: T,
    calls: &'r Calls<J, S, F>,
}

impl<J, S, F> Calls<J, S, F> {
    /// Hides the type of `job`.
    pub(super) fn job<'r, 'w: 'r, D: 'w>(&'r self, job: J) -> AnyJob<'r>
    where
        J: Send + 'w,
        S: Fn(J, &Run<'_>) -> Result<Next<'w, J, D>> + Sync,
        F: FnMut(D) + Send,
    {
        Box::new(Typed { it: job, calls: self })
    }

    fn step<'r, 'w: 'r, D: 'w>(&'r self, next: Next<'w, J, D>) -> AnyNext<'r>
    where
        J: Send + 'w,
        S: Fn(J, &Run<'_>) -> Result<Next<'w, J, D>> + Sync,
        F: FnMut(D) + Send,
    {
        match next {
            Next::Done(done) => {
                (self.done.lock().unpoisoned())(done);
                Next::Done(())
            }
            Next::Split(split) => Next::Split(Box::new(Typed { it: split, calls: self })),
            Next::Again(job) => Next::Again(self.job(job)),
        }
    }
}

impl<'r, 'w: 'r, J, D, S, F> ErasedJob<'r> for Typed<'r, J, J, S, F>
where
    J: Send + 'w,
    D: 'w,
    S: Fn(J, &Run<'_>) -> Result<Next<'w, J, D>> + Sync,
    F: FnMut(D) + Send,
{
    fn splits(&self) -> bool {
        (self.calls.splits)(&self.it)
    }

    fn start(self: Box<Self>, run: &Run<'_>) -> Result<AnyNext<'r>> {
        (self.calls.start)(self.it, run).map(|next| self.calls.step(next))
    }
}

impl<'r, 'w: 'r, J, D, S, F> Split<'r, AnyJob<'r>, ()> for Typed<'r, Box<dyn Split<'w, J, D> + 'w>, J, S, F>
where
    J: Send + 'w,
    D: 'w,
    S: Fn(J, &Run<'_>) -> Result<Next<'w, J, D>> + Sync,
    F: FnMut(D) + Send,
{
    fn parts(&self) -> usize {
        self.it.parts()
    }

    fn part(&self, index: usize, run: &Run<'_>) -> Result<()> {
        self.it.part(index, run)
    }

    fn finish(self: Box<Self>, run: &Run<'_>) -> Result<AnyNext<'r>> {
        self.it.finish(run).map(|next| self.calls.step(next))
    }
}
