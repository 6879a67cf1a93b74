//! The head of a request: the request line and the headers.

use super::framing::Framing;
use super::headers::Headers;
use super::method::Method;
use super::rejection::Rejection;
use super::target;

/// Headers whose repetition would leave open which value counts.
const SINGLE: [&str; 8] = [
    "authorization",
    "content-length",
    "content-range",
    "content-type",
    "expect",
    "host",
    "range",
    "transfer-encoding",
];

/// A valid head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: Headers,
    /// In lower case.
    pub(crate) host: String,
    pub(crate) is_1_0: bool,
    pub(crate) framing: Framing,
    /// The client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
    /// The client is able to send another request over the connection.
    pub(crate) keeps_alive: bool,
}

impl Head {
    /// Parses a complete head.
    ///
    /// # Errors
    /// If the head is malformed or ambiguous, or expects what the server does not do.
    pub(crate) fn parse(bytes: &[u8], max_headers: usize) -> Result<Self, Rejection> {
        let mut slots = vec![httparse::EMPTY_HEADER; max_headers];
        let mut request = httparse::Request::new(&mut slots);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            Ok(_) => return Err(Rejection::bad("the head is incomplete")),
            Err(error) => return Err(invalid(error)),
        }
        let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
            return Err(Rejection::bad("the request line is invalid"));
        };
        let (path, query) = target::parse(target)?;
        let headers = headers(request.headers)?;
        let host = headers.get("host").filter(|host| !host.is_empty());
        let host = host.ok_or(Rejection::bad("the request has no Host"))?.to_ascii_lowercase();
        let (method, is_1_0) = (Method::of(method), version == 0);
        Ok(Self {
            framing: Framing::of(&method, is_1_0, &headers)?,
            expects_continue: expects_continue(is_1_0, &headers)?,
            // HTTP/1.0 has persistent connections only by agreement, which no client needs.
            keeps_alive: !is_1_0 && !wants_close(&headers),
            method,
            path: path.to_owned(),
            query: query.map(str::to_owned),
            headers,
            host,
            is_1_0,
        })
    }
}

fn invalid(error: httparse::Error) -> Rejection {
    match error {
        httparse::Error::TooManyHeaders => Rejection { status: 431, reason: "the request has too many headers" },
        httparse::Error::HeaderName | httparse::Error::HeaderValue => Rejection::bad("a header is invalid"),
        _ => Rejection::bad("the request line is invalid"),
    }
}

fn headers(lines: &[httparse::Header<'_>]) -> Result<Headers, Rejection> {
    let mut headers = Headers::default();
    for line in lines {
        let value = std::str::from_utf8(line.value).map_err(|_| Rejection::bad("a header is not UTF-8"))?;
        let name = line.name.to_ascii_lowercase();
        if SINGLE.contains(&name.as_str()) && headers.get(&name).is_some() {
            return Err(Rejection::bad("a header that must be unique is repeated"));
        }
        headers.push(name, value.trim_matches([' ', '\t']).to_owned());
    }
    Ok(headers)
}

/// RFC 9110, section 10.1.1: a client that speaks HTTP/1.0 never waits for `100 Continue`.
fn expects_continue(is_1_0: bool, headers: &Headers) -> Result<bool, Rejection> {
    match headers.get("expect") {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("100-continue") => Ok(!is_1_0),
        Some(_) => Err(Rejection { status: 417, reason: "the only supported expectation is 100-continue" }),
    }
}

fn wants_close(headers: &Headers) -> bool {
    let mut options = headers.all("connection").flat_map(|value| value.split(','));
    options.any(|option| option.trim().eq_ignore_ascii_case("close"))
}
