//! A wrapper around ureq's connections that does not lose an early response.
//!
//! A server may respond before it has read the body, such as with 403 or 503. It then closes the connection, stops
//! reading, or reads the rest for nothing. ureq sees a failed write and drops the response that is waiting to be read.
//! This wrapper records a failed write, discards the rest of the body, and reads the response. It reports the write
//! error only if no response arrives. It also checks for an early refusal from time to time. Otherwise a server that
//! stopped reading would be noticed only when a write times out, and one that keeps reading would not be noticed at
//! all.
//!
//! [Interim responses](crate::http::transport::interim) are dropped here, before ureq sees them.
//!
//! ureq's semantic versioning does not cover these traits, so `Cargo.toml` pins its minor version, and the tests of
//! the client check it.

use std::io;
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Error, Timeout};

use crate::http::transport::exchange;
use crate::http::transport::interim::{MAX_INTERIM_RESPONSES, Start, TooManyInterim};

/// How often to check for an early refusal.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The duration of one check. Systems round it up to a few milliseconds, during which their buffers keep the line busy.
const LOOK: Duration = Duration::from_millis(1);

/// The start of a TLS server's reply to plain HTTP, in any version of TLS.
const TLS_ALERT: &[u8] = &[21, 3];

/// Wraps the transports of the preceding connectors.
#[derive(Debug)]
pub(super) struct EarlyResponses;

impl<In: Transport> Connector<In> for EarlyResponses {
    type Out = EarlyResponseTransport<In>;

    fn connect(
        &self,
        _: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<EarlyResponseTransport<In>>, Error> {
        Ok(chained.map(|inner| EarlyResponseTransport {
            inner,
            write_error: None,
            dead: false,
            served: false,
            unread: false,
            looked: Instant::now(),
            interim: Some(0),
        }))
    }
}

#[derive(Debug)]
pub(super) struct EarlyResponseTransport<T> {
    inner: T,
    /// The error that ended the writing, kept until it is known whether there is a response anyway.
    write_error: Option<Error>,
    /// No more can be written; the connection must not return to the pool.
    dead: bool,
    /// A response has been received on this connection.
    served: bool,
    /// There is input that [`Transport::await_input`] has not yet offered to ureq.
    unread: bool,
    /// When the last check for an early refusal took place.
    looked: Instant,
    /// The number of interim responses dropped; `None` once the final response has begun.
    interim: Option<u32>,
}

impl<T: Transport> EarlyResponseTransport<T> {
    /// Returns whether the server refused the request while it is being sent.
    fn is_refused(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        if self.looked.elapsed() < LOOK_EVERY {
            return Ok(false);
        }
        let look = NextTimeout { after: LOOK.into(), per_read: None, ..timeout };
        let before = self.inner.buffers().input().len();
        // Usually nothing has arrived. A broken connection is reported by the next write.
        let _ = self.inner.await_input(look);
        self.looked = Instant::now();
        if self.inner.buffers().input().len() > before {
            self.answered();
        }
        self.drop_interim()?;
        Ok(Start::is_refusal(self.inner.buffers().input()))
    }

    /// Drops the interim responses at the start of the input. Returns false if the remaining input may be the start of
    /// another one, which ureq must not see.
    fn drop_interim(&mut self) -> Result<bool, Error> {
        while let Some(dropped) = self.interim {
            let start = Start::of(self.inner.buffers().input()).map_err(too_many)?;
            match start {
                Start::Incomplete => return Ok(false),
                Start::Response(status) => {
                    self.interim = None;
                    // The server may or may not still expect the body, so the connection cannot be reused.
                    if status == 417 {
                        self.end_writing(None);
                    }
                }
                Start::Other => self.interim = None,
                Start::Interim { .. } if dropped >= MAX_INTERIM_RESPONSES => return Err(too_many(TooManyInterim)),
                Start::Interim { status, length } => {
                    log::debug!("interim response {status}");
                    self.interim = Some(dropped + 1);
                    self.inner.buffers().input_consume(length);
                    if status == 100 && exchange::current().expecting {
                        exchange::update(|exchange| exchange.expecting = false);
                        // ureq sends the body on this error, just as after `100 Continue`.
                        return Err(Error::Timeout(Timeout::Await100));
                    }
                }
            }
        }
        Ok(true)
    }

    /// Waits for more input; returns false at its end.
    fn receive(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let before = self.inner.buffers().input().len();
        let result = self.inner.await_input(timeout);
        if self.inner.buffers().input().len() > before {
            self.answered();
            return result;
        }
        match self.write_error.take() {
            Some(error) => Err(error),
            None => result,
        }
    }

    fn end_writing(&mut self, error: Option<Error>) {
        self.write_error = error;
        self.dead = true;
        exchange::update(|exchange| exchange.write_failed = true);
    }

    fn answered(&mut self) {
        self.unread = true;
        self.served = true;
        // A response explains more than the write error.
        self.write_error = None;
        let tls = self.inner.buffers().input().starts_with(TLS_ALERT);
        exchange::update(|exchange| {
            exchange.tls |= tls && !exchange.answered;
            exchange.answered = true;
        });
    }
}

impl<T: Transport> Transport for EarlyResponseTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let exchange = exchange::current();
        if !exchange.begun {
            let reused = self.served;
            exchange::update(|exchange| (exchange.begun, exchange.reused) = (true, reused));
            self.looked = Instant::now();
            self.interim = Some(0);
        } else {
            // The body is sent next.
            exchange::update(|exchange| exchange.expecting = false);
            // More may follow the `100 Continue`, and ureq parses the input before it asks for more.
            self.drop_interim()?;
        }
        if self.dead {
            return Ok(());
        }
        if exchange.begun && self.is_refused(timeout)? {
            self.end_writing(None);
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(error) if ends_writing(&error) => {
                self.end_writing(Some(error));
                Ok(())
            }
            result => result,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let begun = Instant::now();
        loop {
            let is_response = self.drop_interim()?;
            // A final response to `Expect: 100-continue` is already in the buffer when ureq asks for more, so ureq
            // would wait for bytes that never arrive. Offered only once, so that ureq waits for the rest of an
            // incomplete response.
            if self.unread && is_response && !self.inner.buffers().input().is_empty() {
                self.unread = false;
                return Ok(true);
            }
            let received = self.receive(left(timeout, begun)?)?;
            if !received || self.drop_interim()? {
                return Ok(received);
            }
        }
    }

    fn is_open(&mut self) -> bool {
        !self.dead && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

fn too_many(error: TooManyInterim) -> Error {
    Error::Io(io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Returns the rest of the time limit that started at `begun`.
fn left(timeout: NextTimeout, begun: Instant) -> Result<NextTimeout, Error> {
    if timeout.after.is_not_happening() {
        return Ok(timeout);
    }
    let after = timeout.after.saturating_sub(begun.elapsed());
    if after.is_zero() {
        Err(Error::Timeout(timeout.reason))
    } else {
        Ok(NextTimeout { after: after.into(), ..timeout })
    }
}

/// Returns whether the peer may have responded before it stopped reading.
fn ends_writing(error: &Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    match error {
        Error::Io(error) => matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset),
        Error::Timeout(timeout) => *timeout == Timeout::PerWrite,
        _ => false,
    }
}
