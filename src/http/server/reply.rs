//! Writes responses.

use std::fmt::Write as _;
use std::io::{self, IoSlice};

use super::chunked::is_token;
use super::rejection::Rejection;
use super::response::{Body, Response};
use super::socket::Socket;
use super::stream;

/// What the server sets itself: a second value would contradict the framing.
const RESERVED: [&str; 4] = ["connection", "content-length", "keep-alive", "transfer-encoding"];

/// Writes the response, with a body unless the request was HEAD.
///
/// # Errors
/// If the response is incomplete: the connection must be cut.
pub(super) fn write(socket: &Socket, response: Response, to_head: bool, keep_alive: bool) -> io::Result<()> {
    let response = checked(response, to_head);
    let head = head(&response, keep_alive);
    let mut parts = [IoSlice::new(head.as_bytes()), IoSlice::new(&[])];
    if to_head || !has_body(response.status) {
        return socket.write_all(&mut parts);
    }
    match response.body {
        Body::Bytes(bytes) => socket.write_all(&mut [IoSlice::new(head.as_bytes()), IoSlice::new(&bytes)]),
        Body::Empty | Body::Size(_) => socket.write_all(&mut parts),
        Body::Stream { size, reader } => {
            // On its own, because clients wait for the head, and the first bytes may take long.
            socket.write_all(&mut parts)?;
            stream::copy(reader, size, |bytes| socket.write_all(&mut [IoSlice::new(bytes)]))
        }
    }
}

/// Returns the response to a request that is refused.
pub(super) fn rejection(rejection: Rejection) -> Response {
    Response::text(rejection.status, format!("{}\n", rejection.reason))
}

/// Replaces a response that cannot be sent.
fn checked(response: Response, to_head: bool) -> Response {
    let valid_headers = response.headers.iter().all(|(name, value)| {
        !name.is_empty() && name.bytes().all(is_token) && !value.bytes().any(|byte| byte.is_ascii_control())
    });
    let has_size_only = matches!(response.body, Body::Size(1..)) && !to_head && has_body(response.status);
    if valid_headers && matches!(response.status, 200..=599) && !has_size_only {
        return response;
    }
    log::error!("a response with status {} is invalid", response.status);
    Response::empty(500)
}

/// Returns the head of a response as it is sent.
pub(super) fn head(response: &Response, keep_alive: bool) -> String {
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
    for (name, value) in &response.headers {
        if !RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            let _ = write!(head, "{name}: {value}\r\n");
        }
    }
    if has_body(response.status) {
        let _ = write!(head, "content-length: {}\r\n", response.body.size());
    }
    if !keep_alive {
        head.push_str("connection: close\r\n");
    }
    head.push_str("\r\n");
    head
}

/// Returns whether a response with this status has a body, even an empty one (RFC 9110, section 6.4.1).
fn has_body(status: u16) -> bool {
    !matches!(status, 204 | 304)
}

/// Returns the words after the status. They are optional, but dockerd shows them.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        507 => "Insufficient Storage",
        _ => "",
    }
}
