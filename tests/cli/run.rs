//! `run`, with programs in place of docker and buildctl that record how they are called.

mod bake;
mod caches;
mod children;
mod fake;
mod reach;
mod variables;
