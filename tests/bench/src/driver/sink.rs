//! The sink as the driver sees it: a child that it tells what to hold and asks what it saw.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::Bench;
use super::authority::Authority;
use super::endpoint::Endpoint;
use super::inputs::Input;
use crate::{Failure, Outcome};

/// How slow the sink is to be.
#[derive(Clone, Copy, Default)]
pub(crate) struct Conditions {
    pub(crate) latency_ms: u64,
    /// Bytes a second on each connection.
    pub(crate) rate: Option<u64>,
}

pub(crate) struct Sink {
    child: Child,
    control: u16,
    pub(crate) endpoint: Endpoint,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) requests: u64,
    pub(crate) connections: u64,
    pub(crate) depth: u64,
    pub(crate) bytes: u64,
}

impl Sink {
    pub(crate) fn start(bench: &Bench, conditions: Conditions, tls: bool) -> Outcome<Self> {
        let mut command = Command::new(&bench.programs.itself);
        command.arg("sink").arg("--latency-ms").arg(conditions.latency_ms.to_string());
        if let Some(rate) = conditions.rate {
            command.arg("--rate").arg(rate.to_string());
        }
        let authority = if tls { Some(Authority::make(&bench.work.join("sink+tls"))?) } else { None };
        if let Some(authority) = &authority {
            command.arg("--tls").arg(&authority.certificate).arg(&authority.key);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut ports = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut ports)?;
        let mut ports = ports.split_whitespace().map(str::parse::<u16>);
        let mut port = || ports.next().ok_or("the sink did not start")?.map_err(Failure::from);
        let (data, control) = (port()?, port()?);
        let (name, scheme) = if tls { ("sink+tls", "https") } else { ("sink", "http") };
        let endpoint = Endpoint {
            name: name.to_owned(),
            url: format!("{scheme}://127.0.0.1:{data}"),
            ca: authority.map(|authority| authority.ca),
        };
        Ok(Self { child, control, endpoint })
    }

    /// Forgets all objects and counts.
    pub(crate) fn clear(&self) -> Outcome<()> {
        self.ask("POST", "clear", "").map(|_| ())
    }

    /// Forgets the counts only.
    pub(crate) fn reset(&self) -> Outcome<()> {
        self.ask("POST", "reset", "").map(|_| ())
    }

    /// Holds an input's blobs under `prefix`.
    pub(crate) fn populate(&self, prefix: &str, input: &Input) -> Outcome<()> {
        let mut lines = String::new();
        for blob in &input.blobs {
            writeln!(lines, "{prefix}blobs/sha256:{} {} {}", blob.digest, blob.size, blob.offset)?;
        }
        self.hold(&lines)
    }

    /// Holds what the lines say: key, size and offset in the pattern.
    pub(crate) fn hold(&self, lines: &str) -> Outcome<()> {
        self.ask("POST", "populate", lines).map(|_| ())
    }

    pub(crate) fn seen(&self) -> Outcome<Seen> {
        let json = self.ask("GET", "stats", "")?;
        let count = |name: &str| json[name].as_u64().unwrap_or_default();
        Ok(Seen {
            requests: count("requests"),
            connections: count("connections"),
            depth: count("depth"),
            bytes: count("bytes"),
        })
    }

    fn ask(&self, method: &str, what: &str, body: &str) -> Outcome<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.control))?;
        let length = body.len();
        write!(stream, "{method} /-/{what} HTTP/1.1\r\nhost: sink\r\ncontent-length: {length}\r\n\r\n{body}")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("the sink gave no answer")?;
        if !head.starts_with("HTTP/1.1 200") {
            return Err(format!("the sink refused {what}: {head}").into());
        }
        Ok(serde_json::from_str(body)?)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It ends with its standard input.
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}
