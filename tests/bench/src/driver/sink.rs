//! The sink as seen by the driver: a child process that is told what to store and asked what it counted.

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

/// The delays of the sink.
#[derive(Clone, Copy, Default)]
pub(crate) struct Conditions {
    pub(crate) latency_ms: u64,
    /// The rate of each connection in bytes per second.
    pub(crate) rate: Option<u64>,
    /// The rate of all connections together.
    pub(crate) line: Option<u64>,
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
    /// The bytes of the objects that are there.
    pub(crate) bytes: u64,
    /// The bytes of bodies, in both directions.
    pub(crate) moved: u64,
    /// The connections that are open now.
    pub(crate) open: u64,
}

impl Sink {
    pub(crate) fn start(bench: &Bench, conditions: Conditions, tls: bool) -> Outcome<Self> {
        let mut command = Command::new(&bench.programs.itself);
        command.arg("sink").arg("--latency-ms").arg(conditions.latency_ms.to_string());
        if let Some(rate) = conditions.rate {
            command.arg("--rate").arg(rate.to_string());
        }
        if let Some(line) = conditions.line {
            command.arg("--line").arg(line.to_string());
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

    /// Removes all objects and resets the counts.
    pub(crate) fn clear(&self) -> Outcome<()> {
        self.ask("POST", "clear", "").map(|_| ())
    }

    /// Resets only the counts.
    pub(crate) fn reset(&self) -> Outcome<()> {
        self.ask("POST", "reset", "").map(|_| ())
    }

    /// Changes the rate of all connections together; `None` is no limit. Cuts off what is under way with another rate.
    pub(crate) fn line(&self, rate: Option<u64>) -> Outcome<()> {
        self.ask("POST", "line", &rate.map_or(String::new(), |rate| rate.to_string())).map(|_| ())
    }

    /// Stores an input's blobs under `prefix`.
    pub(crate) fn populate(&self, prefix: &str, input: &Input) -> Outcome<()> {
        let mut lines = String::new();
        for blob in &input.blobs {
            writeln!(lines, "{prefix}blobs/sha256:{} {} {}", blob.digest, blob.size, blob.offset)?;
        }
        self.hold(&lines)
    }

    /// Stores an object for each line: key, size and offset in the pattern.
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
            moved: count("moved"),
            open: count("open"),
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
        // The sink ends when its standard input is closed.
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}
