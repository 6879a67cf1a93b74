//! Two parties that use one store and take turns at each request, in an order that the test gives.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use s3_build_cache::object::{
    GetOptions, ListOptions, ListPage, MultipartUpload, Object, ObjectMeta, ObjectStore, Payload, PutMode,
    UnfinishedUpload, UploadsPage, Version,
};
use s3_build_cache::time::Clock;
use s3_build_cache::{Cancel, Result};

use crate::s3::prune::MovedClock;

/// Longer than any request takes.
const STUCK: Duration = Duration::from_secs(60);
/// As many steps as a party has.
pub(crate) const ALL: usize = usize::MAX;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    Writer,
    Pruner,
}

use Party::{Pruner, Writer};

impl Party {
    fn other(self) -> Self {
        match self {
            Writer => Pruner,
            Pruner => Writer,
        }
    }
}

#[derive(Debug)]
struct State {
    /// Whose turn it is, and how many steps are left in it.
    turn: (Party, usize),
    /// The turns that follow. After the last, each party runs to its end.
    next: VecDeque<(Party, usize)>,
    /// What is left of a turn that was interrupted for a deletion.
    interrupted: Option<(Party, usize)>,
    ended: [bool; 2],
    /// Whether the party waits to send a deletion.
    deletes: [bool; 2],
    /// The steps so far.
    trace: Vec<(Party, Step)>,
}

/// A request to the store, or a sleep.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) what: &'static str,
    key: String,
}

impl Step {
    /// Returns whether it matters to the other party when this happens. Only prunings use the objects of this program, and
    /// they look at unfinished uploads that no party of these tests has.
    fn counts(&self, both_prune: bool) -> bool {
        self.what != "uploads" && (both_prune || !self.key.contains(".s3-build-cache/"))
    }

    /// Returns whether another party may lose what it has just written or refreshed.
    fn deletes(&self) -> bool {
        self.what == "DELETE"
    }
}

/// The turns of two parties.
#[derive(Debug)]
pub(crate) struct Turns {
    both_prune: bool,
    state: Mutex<State>,
    changed: Condvar,
}

impl Turns {
    pub(crate) fn new(turns: &[(Party, usize)], both_prune: bool) -> Arc<Self> {
        let mut next: VecDeque<_> = turns.iter().copied().collect();
        let turn = next.pop_front().unwrap();
        let state = State { turn, next, interrupted: None, ended: [false; 2], deletes: [false; 2], trace: Vec::new() };
        Arc::new(Self { both_prune, state: Mutex::new(state), changed: Condvar::new() })
    }

    /// Waits for the turn of `party`, and takes a step of it.
    fn step(&self, party: Party, what: &'static str, key: &str) {
        let step = Step { what, key: key.to_owned() };
        let mut state = self.state.lock().unwrap();
        state.deletes[party as usize] = step.deletes();
        while !state.takes_turn(party, step.counts(self.both_prune)) {
            self.changed.notify_all();
            state = self.wait(state);
        }
        state.deletes[party as usize] = false;
        state.trace.push((party, step));
    }

    /// Before time passes, a deletion arrives that the other party has decided.
    fn settle(&self, party: Party) {
        self.step(party, "sleep", "");
        let mut state = self.state.lock().unwrap();
        let other = party.other();
        if !state.deletes[other as usize] || state.ended[other as usize] {
            return;
        }
        state.interrupted = Some(state.turn);
        state.turn = (other, 1);
        self.changed.notify_all();
        while state.turn.0 != party && !state.ended[other as usize] {
            state = self.wait(state);
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let (state, waited) = self.changed.wait_timeout(state, STUCK).unwrap();
        assert!(!waited.timed_out(), "{state:?}");
        state
    }

    /// Returns a value that ends the party when it is dropped.
    pub(crate) fn of(self: &Arc<Self>, party: Party) -> Ends {
        Ends(self.clone(), party)
    }

    /// Returns the steps of a party that matter to the other.
    pub(crate) fn steps(&self, party: Party) -> Vec<Step> {
        let state = self.state.lock().unwrap();
        let steps = state.trace.iter().filter(|(who, step)| *who == party && step.counts(self.both_prune));
        steps.map(|(_, step)| step.clone()).collect()
    }

    pub(crate) fn trace(&self) -> String {
        let state = self.state.lock().unwrap();
        state.trace.iter().map(|(party, step)| format!("\n{party:?} {} {}", step.what, step.key)).collect()
    }
}

impl State {
    fn takes_turn(&mut self, party: Party, counts: bool) -> bool {
        let is_mine = self.turn.0 == party;
        if self.ended[party.other() as usize] || (is_mine && !counts) {
            return true;
        }
        while self.turn == (party, 0) {
            let after = self.interrupted.take().or_else(|| self.next.pop_front());
            self.turn = after.unwrap_or((party.other(), ALL));
        }
        let is_mine = self.turn.0 == party;
        if is_mine {
            self.turn.1 -= 1;
        }
        is_mine
    }
}

/// Ends a party when it is dropped.
pub(crate) struct Ends(Arc<Turns>, Party);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.state.lock().unwrap().ended[self.1 as usize] = true;
        self.0.changed.notify_all();
    }
}

/// A store that one of the parties uses.
pub(crate) struct Stepped {
    pub(crate) inner: Arc<dyn ObjectStore>,
    pub(crate) turns: Arc<Turns>,
    pub(crate) party: Party,
}

impl Stepped {
    fn step(&self, what: &'static str, key: &str) {
        self.turns.step(self.party, what, key);
    }
}

impl ObjectStore for Stepped {
    fn location(&self, key: &str) -> String {
        self.inner.location(key)
    }

    fn probe(&self) -> Result<()> {
        self.step("probe", "");
        self.inner.probe()
    }

    fn head(&self, key: &str) -> Result<Option<ObjectMeta>> {
        self.step("HEAD", key);
        self.inner.head(key)
    }

    fn get(&self, key: &str, options: &GetOptions) -> Result<Option<Object>> {
        self.step("GET", key);
        self.inner.get(key, options)
    }

    fn put(&self, key: &str, payload: &dyn Payload, mode: &PutMode) -> Result<Option<Version>> {
        self.step("PUT", key);
        self.inner.put(key, payload, mode)
    }

    fn put_in_parts<'a>(&'a self, key: &str, size: u64, mode: &PutMode) -> Result<Box<dyn MultipartUpload + 'a>> {
        self.inner.put_in_parts(key, size, mode)
    }

    fn verifies_payloads(&self) -> bool {
        self.inner.verifies_payloads()
    }

    fn copy(&self, from: &str, to: &str, meta: &ObjectMeta) -> Result<Option<Version>> {
        self.step("copy", from);
        self.inner.copy(from, to, meta)
    }

    fn touch(&self, key: &str, meta: &ObjectMeta) -> Result<Option<Version>> {
        self.step("touch", key);
        self.inner.touch(key, meta)
    }

    fn list_page(&self, prefix: &str, options: &ListOptions) -> Result<ListPage> {
        self.step("list", prefix);
        self.inner.list_page(prefix, options)
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.step("DELETE", key);
        self.inner.delete(key)
    }

    fn delete_if(&self, key: &str, version: &Version) -> Result<()> {
        self.step("DELETE", key);
        self.inner.delete_if(key, version)
    }

    fn delete_once(&self, key: &str, version: Option<&Version>) -> Result<()> {
        self.step("DELETE", key);
        self.inner.delete_once(key, version)
    }

    fn list_uploads_page(&self, prefix: &str, continuation: Option<&str>) -> Result<UploadsPage> {
        self.step("uploads", prefix);
        self.inner.list_uploads_page(prefix, continuation)
    }

    fn abort_upload(&self, upload: &UnfinishedUpload) -> Result<()> {
        self.inner.abort_upload(upload)
    }

    fn now(&self) -> Option<SystemTime> {
        self.inner.now()
    }

    fn honours_conditions(&self) -> bool {
        self.inner.honours_conditions()
    }
}

/// The clock of one of the parties.
pub(crate) struct SteppedClock {
    pub(crate) inner: MovedClock,
    pub(crate) turns: Arc<Turns>,
    pub(crate) party: Party,
}

impl Clock for SteppedClock {
    fn now(&self) -> SystemTime {
        self.inner.now()
    }

    fn monotonic(&self) -> Duration {
        self.inner.monotonic()
    }

    fn sleep(&self, duration: Duration, _: &Cancel) {
        self.turns.settle(self.party);
        self.inner.advance(duration);
    }
}
