//! What one exchange of a request for a response tells between ureq's two ends: the transport, which ureq owns, and
//! the code around the call.
//!
//! ureq runs a request on the calling thread from begin to end, and its transport cannot be reached from outside. So
//! the state of the exchange is the thread's, set anew by each request.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::time::Duration;

use crate::base::Cancel;

/// What is known of the exchange that this thread is at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Exchange {
    /// How many addresses the name was found to have.
    pub(super) addresses: usize,
    /// Where the connection goes.
    pub(super) peer: Option<SocketAddr>,
    /// The version of TLS that the last handshake ended with.
    pub(super) secured: Option<&'static str>,
    /// The proxy has not opened the tunnel yet.
    pub(super) tunnelling: bool,
    /// A TLS handshake is going on.
    pub(super) handshaking: bool,
    /// ureq waits for `100 Continue` before it sends the body.
    pub(super) expecting: bool,
    /// The first bytes of the request have been given to the connection.
    pub(super) begun: bool,
    /// The rest of the request goes nowhere: the connection took no more, or a refusal came before all was sent.
    pub(super) write_failed: bool,
    /// The connection has served another request before.
    pub(super) reused: bool,
    /// A byte of an answer has come.
    pub(super) answered: bool,
    /// The answer began as TLS begins.
    pub(super) tls: bool,
}

/// Long enough for an answer that is on its way.
const LINGERS: Duration = Duration::from_millis(1500);

thread_local! {
    static LINGERING: RefCell<Option<Cancel>> = const { RefCell::new(None) };
    static EXCHANGE: Cell<Exchange> = Cell::default();
}

pub(super) fn begin(expecting: bool) {
    EXCHANGE.set(Exchange { expecting, ..Exchange::default() });
    linger(None);
}

/// This thread's exchange goes on for [`LINGERS`] after that handle was cancelled.
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
