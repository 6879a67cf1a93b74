//! Shares the state of one request and its response between the transport, which ureq owns, and the code that calls
//! ureq.
//!
//! ureq runs a request on the calling thread from start to end, and its transport cannot be reached from outside. The
//! state is therefore thread-local and reset by each request.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::Duration;

use crate::base::Cancel;

/// The state of the current exchange on this thread.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Exchange {
    /// The number of addresses the name resolved to.
    pub(super) addresses: usize,
    /// The address of the connection's other end.
    pub(super) peer: Option<SocketAddr>,
    /// The TLS version negotiated by the last handshake.
    pub(super) secured: Option<&'static str>,
    /// The proxy has not opened the tunnel yet.
    pub(super) tunnelling: bool,
    /// A TLS handshake is in progress.
    pub(super) handshaking: bool,
    /// ureq waits for `100 Continue` before it sends the body.
    pub(super) expecting: bool,
    /// The first bytes of the request have been passed to the connection.
    pub(super) begun: bool,
    /// The rest of the request is discarded: the connection failed to take it, or a refusal arrived before all was
    /// sent.
    pub(super) write_failed: bool,
    /// The connection has served another request before.
    pub(super) reused: bool,
    /// At least one byte of a response has been received.
    pub(super) answered: bool,
    /// The response starts like a TLS record.
    pub(super) tls: bool,
}

/// Long enough to receive a response that is already on its way.
const LINGERS: Duration = Duration::from_millis(1500);

thread_local! {
    static LINGERING: RefCell<Option<Cancel>> = const { RefCell::new(None) };
    static EXCHANGE: Cell<Exchange> = Cell::default();
}

pub(super) fn begin(expecting: bool) {
    EXCHANGE.set(Exchange { expecting, ..Exchange::default() });
    linger(None);
}

/// Lets this thread's exchange continue for [`LINGERS`] after the handle is cancelled.
pub(super) fn linger(cancel: Option<Cancel>) {
    LINGERING.set(cancel);
}

pub(super) fn lingers() -> bool {
    LINGERING.with_borrow(Option::is_some)
}

pub(super) fn has_lingered() -> bool {
    LINGERING.with_borrow(|cancel| cancel.as_ref().and_then(Cancel::since).is_some_and(|since| since >= LINGERS))
}

pub(super) fn current() -> Exchange {
    EXCHANGE.get()
}

pub(super) fn update(change: impl FnOnce(&mut Exchange)) {
    let mut exchange = EXCHANGE.get();
    change(&mut exchange);
    EXCHANGE.set(exchange);
}
