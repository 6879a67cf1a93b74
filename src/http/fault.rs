//! The reasons a request got no response.

use std::fmt;
use std::io;

use crate::base::{OUT_OF_FILES, is_out_of_files};
use crate::http::exchange;
use crate::http::interim::TooManyInterim;
use crate::http::payload::PayloadError;
use crate::http::tunnel::NoTunnel;

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

/// Why there was no response. Decides whether to retry and which hint to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The request's own payload could not be read.
    Payload,
    /// The host name does not exist.
    HostNotFound,
    /// The name server is temporarily unavailable.
    NameServer,
    /// This machine has no file descriptors left for another connection.
    OutOfFiles,
    /// Nothing listens on that port.
    Refused,
    /// The issuer of the certificate is not trusted.
    UnknownIssuer,
    /// The certificate is for another host name.
    WrongName,
    /// The certificate has expired or is not valid yet.
    Expired,
    /// TLS failed for another reason.
    Tls,
    /// The server speaks plain HTTP, but TLS was expected.
    PlainHttp,
    /// The server did not respond in time.
    Timeout,
    /// The server did not respond to the TLS handshake in time.
    NoHandshake,
    /// A reused connection failed: it was closed before this request was answered, or returned invalid data.
    Stale,
    /// The connection broke.
    Broken,
    /// The server speaks TLS, but plain HTTP was expected.
    SpeaksTls,
    /// The proxy refused to open a tunnel to the server, with this HTTP status.
    NoTunnel(u16),
    /// The server does not speak HTTP.
    NotHttp,
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

impl FaultKind {
    /// Returns the fix for a failure before the proxy opened the tunnel.
    fn proxy_hint(self) -> &'static str {
        match self {
            Self::NoTunnel(407) => {
                "the proxy wants another user name and password: http://USER:PASSWORD@host:port, percent-encoded"
            }
            Self::NoTunnel(500..) => "the proxy does not reach the endpoint: check endpoint_url, or try again later",
            Self::NoTunnel(_) => "the proxy refuses a tunnel (CONNECT) to the endpoint: have its host and port allowed",
            Self::OutOfFiles => OUT_OF_FILES,
            Self::Refused => "no proxy is listening: start it, or correct its address",
            Self::HostNotFound => "the proxy's host name does not exist",
            Self::PlainHttp => "the proxy speaks plain HTTP: name it as http://host:port",
            Self::UnknownIssuer => {
                "the issuer of the proxy's own certificate is not trusted: name its CA in AWS_CA_BUNDLE"
            }
            Self::WrongName => "the proxy's own certificate is for another host name",
            Self::Expired => "the proxy's own certificate has expired, or this machine's clock is wrong",
            Self::Tls | Self::NoHandshake => {
                "the TLS handshake with the proxy itself failed: does it speak plain HTTP, http://host:port?"
            }
            Self::NotHttp | Self::SpeaksTls => "what listens there does not speak HTTP as a proxy does",
            Self::NameServer => "the name server did not answer when asked for the proxy: try again",
            _ => "the proxy did not answer, or hung up: try again later",
        }
    }

    fn hint(self) -> Option<&'static str> {
        Some(match self {
            FaultKind::Payload => return None,
            FaultKind::HostNotFound => {
                "check endpoint_url and region; with a custom endpoint the bucket becomes part of the host name unless \
                 use_path_style=true"
            }
            FaultKind::NameServer => "the name server did not answer: try again, and check the network of this machine",
            FaultKind::OutOfFiles => OUT_OF_FILES,
            FaultKind::Refused => "nothing listens there: check the host and port of endpoint_url",
            FaultKind::UnknownIssuer => {
                "the certificate's issuer is not trusted: name its CA in AWS_CA_BUNDLE (a PEM file)"
            }
            FaultKind::WrongName => {
                "the certificate is for another host name: check endpoint_url, or use_path_style=true for a bucket \
                 that the certificate does not cover"
            }
            FaultKind::Expired => "the certificate has expired, or this machine's clock is wrong",
            FaultKind::Tls => "the TLS handshake failed: check endpoint_url, and proxies in between",
            FaultKind::PlainHttp => "that port speaks plain HTTP: write http:// in endpoint_url, or use the TLS port",
            FaultKind::Timeout => "the server was silent for too long: check the network, or try again later",
            FaultKind::NoHandshake => {
                "the server does not answer as TLS does: does that port speak plain HTTP (http:// in endpoint_url)? \
                 else check the network, or try again later"
            }
            FaultKind::Stale | FaultKind::Broken => "the connection broke: check the network, or try again later",
            FaultKind::SpeaksTls => "that port speaks TLS: write https:// in endpoint_url, or use the plain port",
            FaultKind::NoTunnel(_) | FaultKind::NotHttp => {
                "what listens there does not speak HTTP as S3 does: check endpoint_url"
            }
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
        ureq::Timeout::Resolve => "the name server did not answer in time",
        ureq::Timeout::Connect => "no connection came about in time",
        ureq::Timeout::PerWrite => "the server took no more bytes",
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
