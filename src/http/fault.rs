//! Why a request got no answer.

use std::fmt;
use std::io;

use crate::base::{OUT_OF_FILES, is_out_of_files};
use crate::http::exchange;
use crate::http::interim::TooManyInterim;
use crate::http::payload::PayloadError;
use crate::http::tunnel::NoTunnel;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A request that got no answer.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    source: Source,
    via: Option<Via>,
}

/// The way through a proxy.
#[derive(Debug)]
struct Via {
    /// `host:port (VARIABLE)`
    proxy: String,
    /// It happened on the way to the proxy or at it, not behind it.
    before: bool,
}

/// Why there was no answer: what decides whether to try again, and what to tell the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The request's own payload could not be read.
    Payload,
    /// The host name does not exist.
    HostNotFound,
    /// The name server could not be asked just now.
    NameServer,
    /// This machine may not open another connection.
    OutOfFiles,
    /// Nobody listens there.
    Refused,
    /// The certificate is from an issuer that is not trusted.
    UnknownIssuer,
    /// The certificate is for another name.
    WrongName,
    /// The certificate is not valid now.
    Expired,
    /// TLS failed in another way.
    Tls,
    /// Plain HTTP is spoken where TLS was expected.
    PlainHttp,
    /// The server was silent for too long.
    Timeout,
    /// The server was silent when it was to shake hands.
    NoHandshake,
    /// The connection had served other requests, and was closed before this one was answered or went wrong otherwise.
    Stale,
    /// The connection broke.
    Broken,
    /// TLS is spoken where plain HTTP was expected.
    SpeaksTls,
    /// The proxy opened no tunnel to the server, for this HTTP status.
    NoTunnel(u16),
    /// What answered does not speak HTTP.
    NotHttp,
}

impl Fault {
    /// An error of the payload, before or while it was sent.
    pub(super) fn payload(error: io::Error) -> Self {
        Self { kind: FaultKind::Payload, source: Box::new(error), via: None }
    }

    /// `proxy` is the one that the request went by, as messages show it.
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

    /// Whether the connection broke after the server, and not only a proxy, was reached.
    pub(crate) fn broke(&self) -> bool {
        matches!(self.kind, FaultKind::Broken | FaultKind::Stale) && !self.via.as_ref().is_some_and(|via| via.before)
    }

    /// An error of a response's body: there was an answer, so the connection was not stale.
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

    /// What came is no HTTP. On a connection that served others it may be what is left of their answers.
    fn not_http(error: &ureq::Error) -> (FaultKind, Source) {
        let exchange = exchange::current();
        if exchange.tls {
            return (FaultKind::SpeaksTls, "the server speaks TLS".into());
        }
        // As text: ureq's error is no `source` of anything.
        (if exchange.reused { FaultKind::Stale } else { FaultKind::NotHttp }, error.to_string().into())
    }

    /// The payload's own error, where it is one.
    pub(crate) fn into_payload_error(self) -> Result<io::Error, Self> {
        let Self { kind, source, via } = self;
        match source.downcast::<io::Error>() {
            Ok(error) if kind == FaultKind::Payload => Ok(*error),
            Ok(error) => Err(Self { kind, source: error, via }),
            Err(source) => Err(Self { kind, source, via }),
        }
    }

    /// The likely fix.
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
    /// What to do about it when it happens before the proxy has opened the tunnel.
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
        // getaddrinfo's EAI_AGAIN, in the words of glibc and musl.
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
            // A certificate that is its own CA.
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

/// Transparent: what it displays is its source's own text.
impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.source()
    }
}
