//! TLS over ureq's transports.
//!
//! ureq's own TLS trusts either its own certificates or given ones, but both are needed here. It also reloads them for
//! each connection opened by a request with its own time limit, and so never resumes a TLS session. Here one
//! configuration serves all connections of a client.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;
use std::time::Instant;

use rustls::crypto::{CryptoProvider, KeyProvider, ring};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::time::Duration;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};

use crate::http::origin::without_brackets;
use crate::http::transport::exchange;

/// Adds TLS to the connections of `https` requests.
#[derive(Debug)]
pub(super) struct TlsConnector(pub(super) Tls);

/// The TLS configuration; without one, TLS is not available.
#[derive(Clone)]
pub(in crate::http) struct Tls(Option<Arc<ClientConfig>>);

impl Tls {
    pub(in crate::http) fn none() -> Self {
        Self(None)
    }

    pub(in crate::http) fn trusting(roots: RootCertStore) -> Self {
        let provider = Arc::new(CryptoProvider { key_provider: &NoKeys, ..ring::default_provider() });
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.map(|builder| builder.with_root_certificates(roots).with_no_client_auth());
        // The provider has a cipher suite for each TLS version, so building the configuration cannot fail.
        Self(config.ok().map(Arc::new))
    }

    /// Shakes hands with the server `host`; an IPv6 address is in brackets.
    pub(super) fn wrap<T: Transport>(
        &self,
        transport: T,
        host: &str,
        details: &ConnectionDetails<'_>,
    ) -> Result<TlsTransport, Error> {
        let Some(config) = &self.0 else { return Err(Error::TlsRequired) };
        let bare = without_brackets(host).to_owned();
        let name = ServerName::try_from(bare).map_err(|error| Error::Io(io::Error::other(error)))?;
        let session = ClientConnection::new(Arc::clone(config), name).map_err(invalid)?;
        let below = Below { transport: transport.boxed(), timeout: details.timeout, since: Instant::now() };
        let mut stream = StreamOwned::new(session, below);
        exchange::update(|exchange| (exchange.handshaking, exchange.secured) = (true, None));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        let version = match stream.conn.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS 1.3",
        };
        exchange::update(|exchange| (exchange.handshaking, exchange.secured) = (false, Some(version)));
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(TlsTransport { buffers, stream })
    }
}

/// Leaves the code that signs with private keys out of the program: it never authenticates itself with one.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("private keys are not supported".to_owned()))
    }
}

/// Wraps a TLS error the way rustls itself reports a protocol violation of the peer.
fn invalid(error: rustls::Error) -> Error {
    Error::Io(io::Error::new(io::ErrorKind::InvalidData, error))
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.0.is_some()).finish()
    }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default();
        self.0.wrap(transport, host, details).map(|transport| Some(Either::B(transport)))
    }
}

/// A connection inside TLS.
pub(super) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, Below>,
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.sock.set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        let read = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(read);
        Ok(read > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.transport.is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTransport").field("below", &self.stream.sock.transport).finish_non_exhaustive()
    }
}

/// The transport below TLS as a stream. ureq's own adapter sends each record by itself, four times as many as this one.
struct Below {
    transport: Box<dyn Transport>,
    timeout: NextTimeout,
    /// When the timeout was set.
    since: Instant,
}

impl Below {
    fn set_timeout(&mut self, timeout: NextTimeout) {
        (self.timeout, self.since) = (timeout, Instant::now());
    }

    /// Returns what is left of the timeout.
    fn left(&self) -> NextTimeout {
        let after = match self.timeout.after {
            Duration::Exact(after) => Duration::Exact(after.saturating_sub(self.since.elapsed())),
            never => never,
        };
        NextTimeout { after, ..self.timeout }
    }
}

impl Read for Below {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left();
        self.transport.maybe_await_input(left).map_err(Error::into_io)?;
        let buffers = self.transport.buffers();
        let read = buffers.input().read(buffer)?;
        buffers.input_consume(read);
        Ok(read)
    }
}

impl Write for Below {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, all: &[IoSlice<'_>]) -> io::Result<usize> {
        let left = self.left();
        let mut output = self.transport.buffers().output();
        let mut written = 0;
        for bytes in all {
            written += output.write(bytes)?;
        }
        self.transport.transmit_output(written, left).map_err(Error::into_io)?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Records what is transmitted at once.
    #[derive(Debug)]
    struct Recording(LazyBuffers, Arc<Mutex<Vec<Vec<u8>>>>);

    impl Transport for Recording {
        fn buffers(&mut self) -> &mut dyn Buffers {
            &mut self.0
        }

        fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
            self.1.lock().unwrap().push(self.0.output()[..amount].to_vec());
            Ok(())
        }

        fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
            Ok(false)
        }

        fn is_open(&mut self) -> bool {
            true
        }
    }

    #[test]
    fn records_are_sent_together_as_far_as_there_is_room() {
        let sent = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let transport = Recording(LazyBuffers::new(10, 10), sent.clone()).boxed();
        let mut below = Below { transport, timeout: NextTimeout::default(), since: Instant::now() };
        let records = [&b"abcd"[..], b"efg", b"hijkl"].map(IoSlice::new);
        assert_eq!(below.write_vectored(&records[..2]).unwrap(), 7);
        assert_eq!(below.write_vectored(&records).unwrap(), 10);
        assert_eq!(*sent.lock().unwrap(), [&b"abcdefg"[..], b"abcdefghij"]);
    }

    #[test]
    fn what_is_left_of_a_timeout_is_counted_from_when_it_was_set() {
        let transport = Recording(LazyBuffers::new(10, 10), Arc::default()).boxed();
        let mut below = Below { transport, timeout: NextTimeout::default(), since: Instant::now() };
        assert_eq!(below.left().after, Duration::NotHappening);
        below.set_timeout(NextTimeout { after: Duration::from_secs(60), ..NextTimeout::default() });
        below.since -= std::time::Duration::from_secs(20);
        let Duration::Exact(left) = below.left().after else { unreachable!() };
        assert!(left <= std::time::Duration::from_secs(40) && left > std::time::Duration::from_secs(30), "{left:?}");
        below.since -= std::time::Duration::from_secs(60);
        assert_eq!(below.left().after, Duration::from_secs(0));
    }
}
