//! A loopback server with a function for its responses, which serves one request per connection.

use std::io::{Read, Write};

use crate::loopback::{Connection, Loopback};

/// A request: its head as received, and its body.
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn starts_with(&self, method_and_path: &str) -> bool {
        self.head.starts_with(method_and_path)
    }
}

/// Status, further header lines, body.
pub(crate) type Answer = (u16, String, String);

pub(crate) struct Stub(Loopback);

impl Stub {
    pub(crate) fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self(Loopback::start(move |mut stream| {
            let Some(request) = read(&mut stream) else { return };
            let (status, headers, body) = answer(&request);
            let length = body.len();
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n");
            // The client may have closed the connection already.
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }))
    }

    pub(crate) fn url(&self) -> String {
        self.0.url()
    }
}

fn read(stream: &mut Connection) -> Option<Request> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let lower = head.to_ascii_lowercase();
    let length = lower.split("content-length: ").nth(1).map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Request { head, body: String::from_utf8_lossy(&body).into_owned() })
}
