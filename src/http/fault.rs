//! Why a request got no answer.

use std::fmt;
use std::io;

use crate::base::{OUT_OF_FILES, is_out_of_files};
use crate::http::exchange;
use crate::http::payload::PayloadError;

/// A request that got no answer.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    source: Box<dyn std::error::Error + Send + Sync>,
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
    /// The connection had served other requests, and was closed before this one was answered or went wrong otherwise.
    Stale,
    /// The connection broke.
    Broken,
    /// What answered does not speak HTTP.
    NotHttp,
}

impl Fault {
    /// An error of the payload, before or while it was sent.
    pub(super) fn payload(error: io::Error) -> Self {
        Self { kind: FaultKind::Payload, source: Box::new(error) }
    }

    pub(super) fn new(error: ureq::Error) -> Self {
        use FaultKind::{HostNotFound, Timeout, Tls};
        match error {
            ureq::Error::Io(error) => Self::io(error),
            // As text: ureq's error is no `source` of anything.
            ureq::Error::Rustls(error) => Self { kind: tls_kind(&error.to_string()), source: Box::new(error) },
            ureq::Error::Tls(text) => Self { kind: Tls, source: text.into() },
            ureq::Error::HostNotFound => Self { kind: HostNotFound, source: "no such host".into() },
            ureq::Error::Timeout(timeout) => Self { kind: Timeout, source: timeout_text(timeout).into() },
            error => Self::not_http(&error),
        }
    }

    /// An error of a response's body: there was an answer, so the connection was not stale.
    pub(super) fn body(error: io::Error) -> Self {
        Self { kind: io_kind(&error), source: Box::new(error) }
    }

    fn io(error: io::Error) -> Self {
        if error.get_ref().is_some_and(|inner| inner.is::<PayloadError>()) {
            let payload = error.downcast::<PayloadError>().map_or_else(|error| error, |error| error.0);
            return Self::payload(payload);
        }
        let kind = io_kind(&error);
        let exchange = exchange::current();
        let stale = kind == FaultKind::Broken && exchange.reused && !exchange.answered;
        Self { kind: if stale { FaultKind::Stale } else { kind }, source: Box::new(error) }
    }

    /// What came is no HTTP. On a connection that served others it may be what is left of their answers.
    fn not_http(error: &ureq::Error) -> Self {
        let kind = if exchange::current().reused { FaultKind::Stale } else { FaultKind::NotHttp };
        Self { kind, source: error.to_string().into() }
    }

    /// The payload's own error, where it is one.
    pub(crate) fn into_payload_error(self) -> Result<io::Error, Self> {
        let Self { kind, source } = self;
        match source.downcast::<io::Error>() {
            Ok(error) if kind == FaultKind::Payload => Ok(*error),
            Ok(error) => Err(Self { kind, source: error }),
            Err(source) => Err(Self { kind, source }),
        }
    }

    /// The likely fix.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        Some(match self.kind {
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
            FaultKind::Stale | FaultKind::Broken => "the connection broke: check the network, or try again later",
            FaultKind::NotHttp => "what listens there does not speak HTTP as S3 does: check endpoint_url",
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
    match error.kind() {
        _ if is_out_of_files(error) => FaultKind::OutOfFiles,
        io::ErrorKind::ConnectionRefused => FaultKind::Refused,
        io::ErrorKind::InvalidData => tls_kind(&text),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => FaultKind::Timeout,
        _ => FaultKind::Broken,
    }
}

/// rustls is not a dependency of ours: its errors are told apart by the names it prints.
fn tls_kind(text: &str) -> FaultKind {
    if text.contains("UnknownIssuer") || text.contains("CaUsedAsEndEntity") {
        FaultKind::UnknownIssuer
    } else if text.contains("NotValidForName") || text.contains("not valid for name") {
        FaultKind::WrongName
    } else if text.contains("Expired") || text.contains("NotValidYet") || text.contains("certificate expired") {
        FaultKind::Expired
    } else if text.contains("InvalidContentType") {
        FaultKind::PlainHttp
    } else {
        FaultKind::Tls
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
