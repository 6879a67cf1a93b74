//! A wrapper around ureq's connections that does not lose an early answer.
//!
//! A server may answer before it has read the body: 403, 503. It then closes the connection, or stops reading. ureq
//! sees a failed write and drops the answer that is waiting to be read. Here a failed write is remembered, the rest of
//! the body goes nowhere, and the answer is read; only when there is none is the write's error reported.
//!
//! The traits are outside ureq's semantic versioning, hence its minor version is pinned by `Cargo.lock` and checked by
//! the tests of this folder.

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};
use ureq::{Error, Timeout};

use crate::http::exchange;

/// Wraps what the connectors before it made.
#[derive(Debug)]
pub(super) struct KeepAnswers;

impl<In: Transport> Connector<In> for KeepAnswers {
    type Out = Wrapped<In>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Wrapped<In>>, Error> {
        Ok(chained.map(|inner| Wrapped { inner, write_error: None, dead: false, served: false, unread: false }))
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
}

impl<T: Transport> Transport for Wrapped<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let reused = self.served;
        exchange::update(|exchange| exchange.reused |= reused);
        if self.dead {
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(error) if ends_writing(&error) => {
                self.write_error = Some(error);
                self.dead = true;
                exchange::update(|exchange| exchange.write_failed = true);
                Ok(())
            }
            result => result,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        // A final answer to `Expect: 100-continue` is in the buffer already when ureq asks for more: it would wait for
        // bytes that never come. Offered once, so that an incomplete answer is waited for.
        if self.unread && !self.inner.buffers().input().is_empty() {
            self.unread = false;
            return Ok(true);
        }
        let before = self.inner.buffers().input().len();
        let result = self.inner.await_input(timeout);
        if self.inner.buffers().input().len() > before {
            self.unread = true;
            self.served = true;
            exchange::update(|exchange| exchange.answered = true);
            return result;
        }
        match self.write_error.take() {
            Some(error) => Err(error),
            None => result,
        }
    }

    fn is_open(&mut self) -> bool {
        !self.dead && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
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
