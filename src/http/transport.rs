//! A wrapper around ureq's connections that does not lose an early answer.
//!
//! A server may answer before it has read the body: 403, 503. It then closes the connection, stops reading, or reads
//! the rest for nothing. ureq sees a failed write and drops the answer that is waiting to be read. Here a failed write
//! is remembered, the rest of the body goes nowhere, and the answer is read; only when there is none is the write's
//! error reported. Now and then it is looked whether a refusal has come already: a server that has stopped to read
//! would otherwise be noticed by the time limit of a write, and one that reads on by nothing.
//!
//! [Interim responses](crate::http::interim) are dropped here, before ureq sees them.
//!
//! The traits are outside ureq's semantic versioning, hence its minor version is pinned in `Cargo.toml` and checked by
//! the tests of this folder.

use std::io;
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Error, Timeout};

use crate::http::exchange;
use crate::http::interim::{MAX_INTERIM_RESPONSES, Start, TooManyInterim};

/// How often it is looked for an early refusal.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a look may take. Systems round it up to a few milliseconds, in which their buffers keep the line busy.
const LOOK: Duration = Duration::from_millis(1);

/// How a server that expects TLS answers to plain HTTP, in any version of TLS.
const TLS_ALERT: &[u8] = &[21, 3];

/// Wraps what the connectors before it made.
#[derive(Debug)]
pub(super) struct KeepAnswers;

impl<In: Transport> Connector<In> for KeepAnswers {
    type Out = Wrapped<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Wrapped<In>>, Error> {
        Ok(chained.map(|inner| Wrapped {
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
pub(super) struct Wrapped<T> {
    inner: T,
    /// What ended the writing, until it is known whether there is an answer all the same.
    write_error: Option<Error>,
    /// Nothing can be written any more: not for the pool.
    dead: bool,
    /// An answer has come over this connection.
    served: bool,
    /// Input has come that ureq has not been offered by [`Transport::await_input`].
    unread: bool,
    /// When it was last looked for an early refusal.
    looked: Instant,
    /// How many interim responses were dropped; `None` once the response itself has begun.
    interim: Option<u32>,
}

impl<T: Transport> Wrapped<T> {
    /// Whether the server has refused the request while it is being sent.
    fn is_refused(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        if self.looked.elapsed() < LOOK_EVERY {
            return Ok(false);
        }
        let look = NextTimeout { after: LOOK.into(), per_read: None, ..timeout };
        let before = self.inner.buffers().input().len();
        // Most likely nothing has come. A broken connection shows when it is written to.
        let _ = self.inner.await_input(look);
        self.looked = Instant::now();
        if self.inner.buffers().input().len() > before {
            self.answered();
        }
        self.drop_interim()?;
        Ok(Start::is_refusal(self.inner.buffers().input()))
    }

    /// Drops the interim responses at the beginning of the input. Returns false while the rest may be the beginning of
    /// another one, which ureq must not see.
    fn drop_interim(&mut self) -> Result<bool, Error> {
        while let Some(dropped) = self.interim {
            let start = Start::of(self.inner.buffers().input()).map_err(too_many)?;
            match start {
                Start::Incomplete => return Ok(false),
                Start::Response(status) => {
                    self.interim = None;
                    // The server may still expect the body, or not: the connection cannot be used again.
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
                        // On this ureq sends the body, as it does on `100 Continue`.
                        return Err(Error::Timeout(Timeout::Await100));
                    }
                }
            }
        }
        Ok(true)
    }

    /// Waits for more input; false at its end.
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
        // What there is to read is more telling.
        self.write_error = None;
        let tls = self.inner.buffers().input().starts_with(TLS_ALERT);
        exchange::update(|exchange| {
            exchange.tls |= tls && !exchange.answered;
            exchange.answered = true;
        });
    }
}

impl<T: Transport> Transport for Wrapped<T> {
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
            // The body follows.
            exchange::update(|exchange| exchange.expecting = false);
            // Some may be left behind the `100 Continue`, and ureq parses the input before it asks for more.
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
            // A final answer to `Expect: 100-continue` is in the buffer already when ureq asks for more: it would wait
            // for bytes that never come. Offered once, so that an incomplete answer is waited for.
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

/// What is left of the time limit that was set at `begun`.
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

/// Whether the peer may have answered before it stopped to read.
fn ends_writing(error: &Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    match error {
        Error::Io(error) => matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset),
        Error::Timeout(timeout) => *timeout == Timeout::PerWrite,
        _ => false,
    }
}
