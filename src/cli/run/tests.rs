//! Tests of what needs no process.

mod advertise;
mod facts;
mod invocations;
mod reach;
mod rewriting;
mod silent_store;
mod words;
