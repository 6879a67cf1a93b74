//! HTTP/1.1 on one socket: request heads, bodies, responses.
//!
//! The last byte of a request stays in the kernel until the server has decided on a response: closing a socket with
//! unread bytes sends a reset, and the standard library has no other way to cause one.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;

use crate::loopback::Connection;

const MAX_HEAD: usize = 64 << 10;

/// A request without its body. Header names are lower-case; path and query are the bytes of the request line.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Head {
    /// Returns the first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.split_terminator("\r\n");
        let (method, rest) = lines.next()?.split_once(' ')?;
        let (target, version) = rest.split_once(' ')?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let line_is_good = version == "HTTP/1.1" && path.starts_with('/') && !target.ends_with('?');
        let headers = lines
            .filter(|line| !line.is_empty())
            .map(|line| {
                let (name, value) = line.split_once(':')?;
                let good = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                good.then(|| (name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
            })
            .collect::<Option<Vec<_>>>()?;
        line_is_good.then(|| Self { method: method.into(), path: path.into(), query: query.into(), headers })
    }
}

/// A response whose framing is decided when it is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Send no `Content-Length`: the body ends with the connection.
    pub(crate) close_delimited: bool,
}

impl Response {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    pub(crate) fn with_body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.into(), value.into()));
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Announces the current length of the body, even if the body changes later.
    pub(crate) fn pin_length(&mut self) {
        self.set("content-length", &self.body.len().to_string());
    }

    /// Returns the bytes to send. A response to HEAD has no body, and a length only if the handler set one.
    pub(crate) fn into_bytes(mut self, to_head: bool) -> Vec<u8> {
        let unframed = self.close_delimited || self.status == 204 || self.header("content-length").is_some();
        if !to_head && !unframed {
            self.pin_length();
        }
        let mut bytes = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status)).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        if !to_head {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        503 => "Slow Down",
        _ => "Status",
    }
}

/// The result of reading a request head.
pub(crate) enum Incoming {
    Request(Head),
    /// The peer closed the connection, or the server is being stopped.
    End,
    /// Not a valid HTTP/1.1 request.
    Malformed,
}

/// One accepted connection.
pub(crate) struct Wire {
    stream: Connection,
    /// The last byte of what was read is still in the kernel.
    tail_unread: bool,
}

impl Wire {
    pub(crate) fn new(stream: Connection) -> Self {
        Self { stream, tail_unread: false }
    }

    /// Reads a request head up to its empty line, except for the last byte.
    pub(crate) fn read_head(&mut self) -> Incoming {
        let mut head = Vec::new();
        let mut chunk = [0_u8; 4096];
        loop {
            let seen = match self.stream.peek(&mut chunk) {
                Ok(0) | Err(_) => return Incoming::End,
                Ok(seen) => seen,
            };
            let mut end = None;
            for (index, byte) in chunk[..seen].iter().enumerate() {
                head.push(*byte);
                if head.ends_with(b"\r\n\r\n") {
                    end = Some(index);
                    break;
                }
            }
            if self.stream.read_exact(&mut chunk[..end.unwrap_or(seen)]).is_err() {
                return Incoming::End;
            }
            if end.is_some() {
                self.tail_unread = true;
                return Head::parse(&head).map_or(Incoming::Malformed, Incoming::Request);
            }
            if head.len() > MAX_HEAD {
                return Incoming::Malformed;
            }
        }
    }

    /// Reads a body of `length` bytes. The last byte is only peeked at.
    pub(crate) fn read_body(&mut self, length: u64) -> io::Result<Vec<u8>> {
        if length == 0 {
            return Ok(Vec::new());
        }
        self.take_tail()?;
        let mut body = Vec::new();
        (&mut self.stream).take(length - 1).read_to_end(&mut body)?;
        let mut last = [0_u8; 1];
        if (body.len() as u64) < length - 1 || self.stream.peek(&mut last)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        body.push(last[0]);
        self.tail_unread = true;
        Ok(body)
    }

    /// Reads the byte that was left in the kernel.
    pub(crate) fn take_tail(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.tail_unread) {
            self.stream.read_exact(&mut [0])?;
        }
        Ok(())
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        (&*self.stream).write_all(bytes)
    }

    /// Waits until the peer sends something, without reading it, or closes the connection.
    pub(crate) fn wait_for_next(&self) {
        let _ = self.stream.peek(&mut [0]);
    }

    /// Ends the output and reads what the peer still sends, so that closing does not reset the connection.
    pub(crate) fn close_gently(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = io::copy(&mut self.stream, &mut io::sink());
    }
}
