//! The thread pool: takes a stream of jobs and yields their results as they come.
//!
//! A job may be split into parts that several threads work on; [`queue`] decides which thread does what.

mod job;
mod permits;
mod pool;
mod queue;
mod run;

use crate::base::Result;
pub(crate) use permits::{Permit, Permits};
pub(crate) use pool::Pool;
pub(crate) use run::Run;

/// What to do with a job of type `J` next, or its result of type `D`.
pub(crate) enum Next<'w, J, D> {
    /// The job is done, with this result.
    Done(D),
    /// Do its parts, then finish it.
    Split(Box<dyn Split<'w, J, D> + 'w>),
    /// Start it again.
    Again(J),
}

/// A job that has started and consists of parts. If the run fails, the last thread that uses it drops it.
pub(crate) trait Split<'w, J, D>: Send + Sync {
    /// Returns the number of parts, at least one. It must not change.
    fn parts(&self) -> usize;

    /// Does one part, counted from zero. Parts are started in order, and run at the same time.
    fn part(&self, index: usize, run: &Run<'_>) -> Result<()>;

    /// Finishes the job after all its parts are done.
    fn finish(self: Box<Self>, run: &Run<'_>) -> Result<Next<'w, J, D>>;
}

#[cfg(test)]
mod tests;
