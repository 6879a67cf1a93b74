//! The reasons a request got no response.

use std::fmt;
use std::io;

use super::fault_kind::FaultKind;
use super::request_body::PayloadError;
use crate::base::is_out_of_files;
use crate::http::transport::{NoTunnel, TooManyInterim, exchange};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A request that got no response.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    source: Source,
    via: Option<Via>,
}

/// The proxy that a request was sent through.
#[derive(Debug)]
struct Via {
    /// `host:port (VARIABLE)`
    proxy: String,
    /// Whether the failure happened at the proxy or on the way to it, not behind it.
    before: bool,
}

impl Fault {
    /// Creates a fault from an error of the payload, before or while it was sent.
    pub(super) fn payload(error: io::Error) -> Self {
        Self { kind: FaultKind::Payload, source: Box::new(error), via: None }
    }

    /// Creates a fault from ureq's error. `proxy` is the proxy that was used, as messages show it.
    pub(super) fn new(error: ureq::Error, proxy: Option<String>) -> Self {
        let exchange = exchange::current();
        let (kind, source) = match error {
            ureq::Error::Io(error) => Self::io(error),
            ureq::Error::HostNotFound => (FaultKind::HostNotFound, "no such host".into()),
            ureq::Error::Timeout(timeout) => {
                let kind = if exchange.handshaking { FaultKind::NoHandshake } else { FaultKind::Timeout };
                (kind, timeout_text(timeout).into())
            }
            error => Self::not_http(&error),
        };
        let before = exchange.tunnelling && !exchange.begun;
        Self { kind, source, via: proxy.map(|proxy| Via { proxy, before }) }
    }

    /// Returns whether the connection broke after reaching the server, not only a proxy.
    pub(crate) fn broke(&self) -> bool {
        matches!(self.kind, FaultKind::Broken | FaultKind::Stale) && !self.via.as_ref().is_some_and(|via| via.before)
    }

    /// Creates a fault from an error while reading a response body. The response had started, so the connection was not
    /// stale.
    pub(super) fn body(error: io::Error) -> Self {
        Self { kind: io_kind(&error), source: Box::new(error), via: None }
    }

    fn io(error: io::Error) -> (FaultKind, Source) {
        if error.get_ref().is_some_and(|inner| inner.is::<PayloadError>()) {
            let payload = error.downcast::<PayloadError>().map_or_else(|error| error, |error| error.0);
            return (FaultKind::Payload, Box::new(payload));
        }
        let kind = io_kind(&error);
        let exchange = exchange::current();
        let stale = kind == FaultKind::Broken && exchange.reused && !exchange.answered;
        (if stale { FaultKind::Stale } else { kind }, Box::new(error))
    }

    /// Classifies a response that is not HTTP. On a reused connection it may be the rest of an earlier response.
    fn not_http(error: &ureq::Error) -> (FaultKind, Source) {
        let exchange = exchange::current();
        if exchange.tls {
            return (FaultKind::SpeaksTls, "the server speaks TLS".into());
        }
        // Kept as text, because ureq's error adds no useful `source`.
        (if exchange.reused { FaultKind::Stale } else { FaultKind::NotHttp }, error.to_string().into())
    }

    /// Returns the error of the payload, if that is what failed.
    pub(crate) fn into_payload_error(self) -> Result<io::Error, Self> {
        let Self { kind, source, via } = self;
        match source.downcast::<io::Error>() {
            Ok(error) if kind == FaultKind::Payload => Ok(*error),
            Ok(error) => Err(Self { kind, source: error, via }),
            Err(source) => Err(Self { kind, source, via }),
        }
    }

    /// Returns the likely fix.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = self.kind.hint()?;
        Some(match &self.via {
            None => hint.to_owned(),
            Some(Via { proxy, before: true }) => {
                format!("{}; the proxy is {proxy}; NO_PROXY lists the hosts that need none", self.kind.proxy_hint())
            }
            Some(Via { proxy, before: false }) => format!("{hint}; the connection goes through the proxy {proxy}"),
        })
    }
}

fn io_kind(error: &io::Error) -> FaultKind {
    let text = error.to_string();
    if text.contains("failed to lookup address information") {
        // getaddrinfo's EAI_AGAIN, as worded by glibc and musl.
        let transient = text.contains("Temporary failure") || text.contains("Try again");
        return if transient { FaultKind::NameServer } else { FaultKind::HostNotFound };
    }
    if let Some(inner) = error.get_ref() {
        if let Some(error) = inner.downcast_ref::<rustls::Error>() {
            return tls_kind(error);
        }
        if let Some(NoTunnel { status }) = inner.downcast_ref() {
            return status.map_or(FaultKind::NotHttp, FaultKind::NoTunnel);
        }
        if inner.is::<TooManyInterim>() {
            return FaultKind::NotHttp;
        }
    }
    match error.kind() {
        _ if is_out_of_files(error) => FaultKind::OutOfFiles,
        io::ErrorKind::ConnectionRefused => FaultKind::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => FaultKind::Timeout,
        _ => FaultKind::Broken,
    }
}

fn tls_kind(error: &rustls::Error) -> FaultKind {
    use rustls::CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, Other, UnknownIssuer,
    };
    match error {
        rustls::Error::InvalidCertificate(error) => match error {
            // Signed by another CA of the same name.
            UnknownIssuer | BadSignature => FaultKind::UnknownIssuer,
            NotValidForName | NotValidForNameContext { .. } => FaultKind::WrongName,
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. } => FaultKind::Expired,
            // A self-signed certificate that is marked as a CA.
            Other(error) if error.to_string().contains("CaUsedAsEndEntity") => FaultKind::UnknownIssuer,
            _ => FaultKind::Tls,
        },
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => FaultKind::PlainHttp,
        _ => FaultKind::Tls,
    }
}

pub(super) fn timeout_text(timeout: ureq::Timeout) -> &'static str {
    match timeout {
        ureq::Timeout::Resolve => "the name server did not respond in time",
        ureq::Timeout::Connect => "the connection was not established in time",
        ureq::Timeout::PerWrite => "the server stopped accepting data",
        _ => "the server sent nothing in time",
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

/// Transparent: it displays the text of its source.
impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.source()
    }
}
