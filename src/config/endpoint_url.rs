//! `endpoint_url`: an S3 endpoint, or a directory.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::base::{Error, Result, percent_decode, shown_url};

/// An S3 server or a directory. Only parsing constructs it, so its parts are well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointUrl {
    /// An S3 server.
    #[non_exhaustive]
    Http {
        /// Whether it is `https`.
        https: bool,
        /// The host in lower case, with brackets around an IPv6 address.
        host: String,
        /// The port, unless it is the scheme's default.
        port: Option<u16>,
        /// The path before the bucket or the key: empty, or starting with `/` and without a trailing `/`.
        base_path: String,
    },
    /// A local directory, as an absolute path.
    #[non_exhaustive]
    File(PathBuf),
}

impl EndpointUrl {
    /// Parses a URL. Errors name `origin`, the attribute or variable that it came from.
    ///
    /// # Errors
    /// [`Error::Usage`] if the URL is not `http://`, `https://` or `file:///`. Errors never show a user name, a
    /// password, a query or a fragment.
    pub(crate) fn parse(url: &str, origin: &str) -> Result<Self> {
        if url.contains('@') {
            return Err(Error::usage(format!("{origin} has a user name or password in it"))
                .with_hint("set access_key_id and secret_access_key, or the variables in the environment"));
        }
        if url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Error::usage(format!("{origin} has a space or a control character in it"))
                .with_hint("write %20 for a space"));
        }
        let shown = shown_url(url);
        let Some((scheme, rest)) = url.split_once("://") else {
            let hint = "write the scheme too, for example https://s3.example.com";
            return Err(Error::usage(format!("{origin}={shown} is not a URL")).with_hint(hint));
        };
        if rest.contains(['?', '#']) {
            return Err(Error::usage(format!("{origin}={shown} has a query or a fragment"))
                .with_hint("leave out what follows ? or #"));
        }
        let parsed = match scheme.to_ascii_lowercase().as_str() {
            "http" => http(rest, false),
            "https" => http(rest, true),
            "file" => {
                let path = percent_decode(rest, false).filter(|path| path.starts_with('/'));
                let path = path.filter(|path| !path.trim_matches('/').is_empty() && !path.contains('\0'));
                path.map(|path| Self::File(PathBuf::from(path)))
            }
            _ => {
                let hint = "write https://host, http://host, or file:///absolute/directory";
                return Err(Error::usage(format!("{origin}={shown} has an unknown scheme")).with_hint(hint));
            }
        };
        parsed.ok_or_else(|| {
            let hint = "write https://host, https://host:port, or file:///absolute/directory";
            Error::usage(format!("{origin}={shown} is not a usable URL")).with_hint(hint)
        })
    }
}

impl FromStr for EndpointUrl {
    type Err = Error;

    /// Parses a URL. Errors call it `endpoint_url`.
    ///
    /// # Errors
    /// [`Error::Usage`] if the URL is not `http://`, `https://` or `file:///`. Errors never show a user name, a
    /// password, a query or a fragment.
    fn from_str(url: &str) -> Result<Self> {
        Self::parse(url, "endpoint_url")
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { https, host, port, base_path } => {
                write!(f, "{}://{host}", if *https { "https" } else { "http" })?;
                port.map_or(Ok(()), |port| write!(f, ":{port}"))?;
                f.write_str(base_path)
            }
            Self::File(path) => write!(f, "file://{}", path.display()),
        }
    }
}

fn http(rest: &str, https: bool) -> Option<EndpointUrl> {
    let (authority, path) = rest.find('/').and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, ""));
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (address, after) = bracketed.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (format!("[{}]", address.to_ascii_lowercase()), after)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let (host, after) = authority.split_at_checked(end)?;
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
            if host.is_empty() || !host.chars().all(allowed) {
                return None;
            }
            (host.to_ascii_lowercase(), after)
        }
    };
    let port = match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse::<u16>().ok().filter(|port| *port > 0)?)
        }
        Some(_) => return None,
        None if port.is_empty() => None,
        None => return None,
    };
    let port = port.filter(|port| *port != if https { 443 } else { 80 });
    // The path is sent and signed verbatim, so it must already be encoded.
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    Some(EndpointUrl::Http { https, host, port, base_path: path.trim_end_matches('/').to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http_url(https: bool, host: &str, port: Option<u16>, base_path: &str) -> EndpointUrl {
        EndpointUrl::Http { https, host: host.to_owned(), port, base_path: base_path.to_owned() }
    }

    #[test]
    fn endpoints_are_parsed() {
        for (url, endpoint) in [
            ("https://S3.example.com", http_url(true, "s3.example.com", None, "")),
            ("https://s3.example.com:443/", http_url(true, "s3.example.com", None, "")),
            ("HTTP://localhost:9000", http_url(false, "localhost", Some(9000), "")),
            ("http://h:80/base//", http_url(false, "h", None, "/base")),
            ("http://[::1]:9000", http_url(false, "[::1]", Some(9000), "")),
            ("http://127.0.0.1/a/b", http_url(false, "127.0.0.1", None, "/a/b")),
            ("file:///srv/cache", EndpointUrl::File("/srv/cache".into())),
            ("file:///srv/a%20b/", EndpointUrl::File("/srv/a b/".into())),
        ] {
            assert_eq!(EndpointUrl::parse(url, "endpoint_url").unwrap(), endpoint, "{url}");
        }
    }

    #[test]
    fn invalid_endpoints_are_refused() {
        for url in [
            "",
            "s3.example.com",
            "ftp://h",
            "https://",
            "https:///x",
            "https://h?x",
            "https://h#x",
            "https://h:",
            "https://h:0",
            "https://h:99999",
            "https://h:x",
            "https://[::1",
            "https://[nope]",
            "https://h h",
            "https://ü.example",
            "file://host/dir",
            "file://relative",
            "file:///",
            "file:///a%zz",
            "http://[::1]x",
            "https://h/ü",
        ] {
            assert!(matches!(EndpointUrl::parse(url, "endpoint_url"), Err(Error::Usage(_))), "{url}");
        }
        let error = EndpointUrl::parse("https://user:MARKED@h", "endpoint_url").unwrap_err();
        assert!(!error.to_string().contains("MARKED"), "{error}");
    }

    #[test]
    fn a_refused_url_is_shown_without_potential_secrets() {
        for (url, shown) in [
            ("https://h:9000/a?token=MARKED", "endpoint_url=https://h:9000/a has a query"),
            ("https://h/#MARKED", "endpoint_url=https://h/ has a query or a fragment"),
            ("http://h?MARKED#MARKED", "endpoint_url=http://h has"),
            ("h:9000/?token=MARKED", "endpoint_url=h:9000/ is not a URL"),
            ("ftp://h/a?MARKED", "endpoint_url=ftp://h/a has"),
            ("file:///srv/a?MARKED", "endpoint_url=file:///srv/a has"),
            ("http://MARKED:MARKED@h", "endpoint_url has a user name"),
            ("http://h/ MARKED", "endpoint_url has a space"),
        ] {
            let error = EndpointUrl::parse(url, "endpoint_url").unwrap_err();
            assert!(error.to_string().starts_with(shown), "{error}");
            assert!(!format!("{error:?} {}", error.chain()).contains("MARKED"), "{error:?}");
        }
    }
}
