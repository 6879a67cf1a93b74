//! Why a request got no response, with a hint for each reason.

use crate::base::OUT_OF_FILES;

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

impl FaultKind {
    /// Returns the fix for a failure before the proxy opened the tunnel.
    pub(super) fn proxy_hint(self) -> &'static str {
        match self {
            Self::NoTunnel(407) => {
                "the proxy requires another user name and password: http://USER:PASSWORD@host:port, percent-encoded"
            }
            Self::NoTunnel(500..) => "the proxy cannot reach the endpoint: check endpoint_url, or try again later",
            Self::NoTunnel(_) => {
                "the proxy refuses a tunnel (CONNECT) to the endpoint: allow the endpoint's host and port there"
            }
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
                "the TLS handshake with the proxy itself failed: if it speaks plain HTTP, name it as http://host:port"
            }
            Self::NotHttp | Self::SpeaksTls => {
                "that port does not speak HTTP as a proxy does: check the proxy's address"
            }
            Self::NameServer => "the name server did not respond to the look-up of the proxy: try again",
            _ => "the proxy did not respond, or closed the connection: try again later",
        }
    }

    /// Returns the likely fix.
    pub(super) fn hint(self) -> Option<&'static str> {
        Some(match self {
            Self::Payload => return None,
            Self::HostNotFound => {
                "check endpoint_url and region; with a custom endpoint the bucket becomes part of the host name unless \
                 use_path_style=true"
            }
            Self::NameServer => "the name server did not respond: try again, and check the network of this machine",
            Self::OutOfFiles => OUT_OF_FILES,
            Self::Refused => "nothing listens there: check the host and port of endpoint_url",
            Self::UnknownIssuer => "the certificate's issuer is not trusted: name its CA in AWS_CA_BUNDLE (a PEM file)",
            Self::WrongName => {
                "the certificate is for another host name: check endpoint_url, or use_path_style=true for a bucket \
                 that the certificate does not cover"
            }
            Self::Expired => "the certificate has expired, or this machine's clock is wrong",
            Self::Tls => "the TLS handshake failed: check endpoint_url, and proxies in between",
            Self::PlainHttp => "that port speaks plain HTTP: write http:// in endpoint_url, or use the TLS port",
            Self::Timeout => "the server was silent for too long: check the network, or try again later",
            Self::NoHandshake => {
                "the server does not complete the TLS handshake: if that port speaks plain HTTP, write http:// in \
                 endpoint_url; otherwise check the network, or try again later"
            }
            Self::Stale | Self::Broken => "the connection broke: check the network, or try again later",
            Self::SpeaksTls => "that port speaks TLS: write https:// in endpoint_url, or use the plain port",
            Self::NoTunnel(_) | Self::NotHttp => "that port does not speak HTTP as S3 does: check endpoint_url",
        })
    }
}
