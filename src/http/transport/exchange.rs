//! Shares the state of one request and its response between the transport, which ureq owns, and the code that calls
//! ureq.
//!
//! ureq runs a request on the calling thread from start to end, and its transport cannot be reached from outside. The
//! state is therefore thread-local and reset by each request.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::Duration;

use crate::base::Cancel;

/// The state of the current exchange on this thread.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::http) struct Exchange {
    /// The number of addresses the name resolved to.
    pub(in crate::http) addresses: usize,
    /// The address of the connection's other end.
    pub(in crate::http) peer: Option<SocketAddr>,
    /// The TLS version negotiated by the last handshake.
    pub(in crate::http) secured: Option<&'static str>,
    /// The proxy has not opened the tunnel yet.
    pub(in crate::http) tunnelling: bool,
    /// A TLS handshake is in progress.
    pub(in crate::http) handshaking: bool,
    /// ureq waits for `100 Continue` before it sends the body.
    pub(in crate::http) expecting: bool,
    /// The first bytes of the request have been passed to the connection.
    pub(in crate::http) begun: bool,
    /// The rest of the request is discarded: the connection failed to take it, or a refusal arrived before all was
    /// sent.
    pub(in crate::http) write_failed: bool,
    /// The connection has served another request before.
    pub(in crate::http) reused: bool,
    /// At least one byte of a response has been received.
    pub(in crate::http) answered: bool,
    /// The response starts like a TLS record.
    pub(in crate::http) tls: bool,
}

/// Long enough to receive a response that is already on its way.
const LINGERS: Duration = Duration::from_millis(1500);

thread_local! {
    static LINGERING: RefCell<Option<Cancel>> = const { RefCell::new(None) };
    static STOPPING: RefCell<Option<Box<dyn Fn() -> bool>>> = const { RefCell::new(None) };
    static EXCHANGE: Cell<Exchange> = Cell::default();
}

pub(in crate::http) fn begin(expecting: bool) {
    EXCHANGE.set(Exchange { expecting, ..Exchange::default() });
    linger(None);
}

/// Lets this thread's exchange continue for [`LINGERS`] after the handle is cancelled.
pub(in crate::http) fn linger(cancel: Option<Cancel>) {
    LINGERING.set(cancel);
}

fn lingers() -> bool {
    LINGERING.with_borrow(Option::is_some)
}

fn has_lingered() -> bool {
    LINGERING.with_borrow(|cancel| cancel.as_ref().and_then(Cancel::since).is_some_and(|since| since >= LINGERS))
}

/// Interrupts this thread's exchanges when `stops` returns `true`, until the guard is dropped. It is called at each
/// wait for the server, and several times per second during one. Name look-ups and connection attempts still run until
/// their time limits.
pub(crate) fn stop_thread(stops: impl Fn() -> bool + 'static) -> StoppedThread {
    STOPPING.set(Some(Box::new(stops)));
    StoppedThread(PhantomData)
}

/// Dropping this lets the thread's exchanges run on. It stays on its thread.
pub(crate) struct StoppedThread(PhantomData<*const ()>);

impl Drop for StoppedThread {
    fn drop(&mut self) {
        STOPPING.set(None);
    }
}

/// Returns whether a wait of this thread must check from time to time whether to end.
pub(in crate::http) fn is_watched() -> bool {
    lingers() || STOPPING.with_borrow(Option::is_some)
}

/// Returns whether this thread's exchange must end.
pub(in crate::http) fn must_end() -> bool {
    has_lingered() || STOPPING.with_borrow(|stops| stops.as_ref().is_some_and(|stops| stops()))
}

pub(in crate::http) fn current() -> Exchange {
    EXCHANGE.get()
}

pub(in crate::http) fn update(change: impl FnOnce(&mut Exchange)) {
    let mut exchange = EXCHANGE.get();
    change(&mut exchange);
    EXCHANGE.set(exchange);
}
