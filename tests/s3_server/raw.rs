//! A client that sends exactly the bytes that a test specifies.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use super::Server;
use super::clock::{shift, stamp};
use super::sigv4::{Signed, canonical_request, signature};

/// A request that is sent unchanged.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Deviations from the correct signature.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signing {
    pub(crate) secret: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) clock_ahead: i64,
    pub(crate) payload_hash: Option<String>,
    /// Headers that are sent but not signed.
    pub(crate) unsigned: Vec<&'static str>,
}

/// A complete response.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self { method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a body and its length.
    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("content-length", &body.len().to_string())
    }

    /// Signs the request for the server, including all headers added so far.
    pub(crate) fn signed(self, server: &Server) -> Self {
        self.signed_as(server, &Signing::default())
    }

    pub(crate) fn signed_as(mut self, server: &Server, signing: &Signing) -> Self {
        let credentials = server.credentials();
        let key_id = signing.key_id.as_deref().unwrap_or(&credentials.access_key_id);
        let secret = signing.secret.as_deref().unwrap_or(&credentials.secret_access_key);
        let region = signing.region.as_deref().unwrap_or(server.region());
        let service = server.shared.config.service();
        let stamp = stamp(shift(SystemTime::now(), signing.clock_ahead));
        let hash = signing.payload_hash.clone().unwrap_or_else(|| hex::encode(Sha256::digest(&self.body)));
        if !self.headers.iter().any(|(name, _)| name == "host") {
            self = self.header("host", &server.address().to_string());
        }
        self = self.header("x-amz-date", &stamp).header("x-amz-content-sha256", &hash);
        if let Some(token) = &credentials.session_token {
            self = self.header("x-amz-security-token", token);
        }
        let mut signed: Vec<String> = self.headers.iter().map(|(name, _)| name.clone()).collect();
        signed.retain(|name| name != "content-length" && !signing.unsigned.contains(&name.as_str()));
        signed.sort();
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let canonical = canonical_request(&Signed {
            method: &self.method,
            path,
            query,
            headers: &self.headers,
            signed: &signed,
            payload_hash: &hash,
        })
        .expect("a target in its canonical spelling");
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={key_id}/{}/{region}/{service}/aws4_request, SignedHeaders={}, Signature={}",
            &stamp[..8],
            signed.join(";"),
            signature(secret, &stamp, (region, service), &canonical)
        );
        self.header("authorization", &value)
    }

    /// Returns the head, including the empty line.
    pub(crate) fn head_bytes(&self) -> Vec<u8> {
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{} {} HTTP/1.1\r\n{headers}\r\n", self.method, self.target).into_bytes()
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the S3 code of an error document, or an empty string.
    pub(crate) fn code(&self) -> String {
        let text = self.text();
        text.split_once("<Code>").and_then(|(_, rest)| rest.split_once('<')).map_or("", |(code, _)| code).to_owned()
    }
}

/// Connects to the server. Reads fail after ten seconds instead of hanging.
pub(crate) fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Sends a request on a new connection.
pub(crate) fn send(server: &Server, request: &Request) -> io::Result<Reply> {
    send_on(&connect(server), request)
}

/// Sends a request and reads the response.
pub(crate) fn send_on(mut stream: &TcpStream, request: &Request) -> io::Result<Reply> {
    stream.write_all(&[request.head_bytes(), request.body.clone()].concat())?;
    receive(stream, request.method == "HEAD")
}

/// Reads one response, up to its announced length or the end of the connection.
pub(crate) fn receive(mut stream: &TcpStream, to_head: bool) -> io::Result<Reply> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut lines = head.lines();
    let status =
        lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    let headers: Vec<_> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.into(), value.into())).collect();
    let mut reply = Reply { status, headers, body: Vec::new() };
    if to_head || status == 204 || status == 100 {
        return Ok(reply);
    }
    match reply.header("content-length").map(str::to_owned) {
        Some(length) => {
            reply.body = vec![0; length.parse().map_err(|_| io::ErrorKind::InvalidData)?];
            stream.read_exact(&mut reply.body)?;
        }
        None => {
            stream.read_to_end(&mut reply.body)?;
        }
    }
    Ok(reply)
}
