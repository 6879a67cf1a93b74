//! `serve` as a child process, and a client of it that costs as little as possible.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};

use super::Bench;
use super::endpoint::Endpoint;
use super::tools::{attributes_without_name, with_credentials};
use crate::Outcome;

/// The registry of a cache on a server. It ends when it is dropped.
pub(crate) struct Registry {
    child: Child,
    authority: String,
}

/// What a process has used so far.
pub(crate) struct Used {
    /// The user and system CPU time in seconds.
    pub(crate) cpu: f64,
    pub(crate) peak_kib: f64,
}

impl Registry {
    pub(crate) fn start(bench: &Bench, endpoint: &Endpoint, prefix: &str) -> Outcome<Self> {
        let mut command = Command::new(&bench.programs.ours);
        command.arg("serve").arg(attributes_without_name(endpoint, prefix));
        command.args(["--write", "--listen", "127.0.0.1:0"]);
        command.env_clear().env("HOME", bench.work.join("home"));
        with_credentials(&mut command, endpoint);
        let log = fs::File::create(bench.work.join("serve.log"))?;
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let word = line.split_whitespace().find(|word| word.contains("127.0.0.1:"));
        let Some(word) = word else {
            child.wait()?;
            return Err(format!("serve did not start: {}", fs::read_to_string(bench.work.join("serve.log"))?).into());
        };
        let authority = word.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Ok(Self { child, authority })
    }

    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns what the process has used since it started.
    pub(crate) fn used(&self) -> Outcome<Used> {
        let process = format!("/proc/{}", self.child.id());
        let stat = fs::read_to_string(format!("{process}/stat"))?;
        // The name of the program, in parentheses, may contain anything; the times are the 12th and 13th field after it.
        let fields: Vec<&str> = stat.rsplit_once(')').ok_or("no name in stat")?.1.split_whitespace().collect();
        let ticks = fields.iter().skip(11).take(2).map(|ticks| ticks.parse::<f64>()).sum::<Result<f64, _>>()?;
        let per_second = sysconf(SysconfVar::CLK_TCK)?.ok_or("no clock")? as f64;
        let status = fs::read_to_string(format!("{process}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak in status")?;
        Ok(Used { cpu: ticks / per_second, peak_kib: peak.trim().trim_end_matches(" kB").parse()? })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if let Ok(pid) = self.child.id().try_into() {
            kill(Pid::from_raw(pid), Signal::SIGTERM).ok();
        }
        self.child.wait().ok();
    }
}

/// One connection to an HTTP server.
pub(crate) struct Client {
    authority: String,
    connection: BufReader<TcpStream>,
    buffer: Vec<u8>,
}

/// The part of a response that matters here.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: String,
    length: u64,
}

impl Client {
    pub(crate) fn connect(authority: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(authority)?;
        stream.set_nodelay(true)?;
        let connection = BufReader::new(stream);
        Ok(Self { authority: authority.to_owned(), connection, buffer: vec![0; 256 * 1024] })
    }

    /// Sends a request without a body to the end, and discards the body of the response. Returns its length too.
    pub(crate) fn ask(&mut self, method: &str, path: &str) -> Outcome<(Answer, u64)> {
        self.send(method, path, b"")
    }

    /// Sends a request with a body, and discards the body of the response. Returns its length too.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &[u8]) -> Outcome<(Answer, u64)> {
        let (authority, length) = (&self.authority, body.len());
        let length =
            if method == "GET" || method == "HEAD" { String::new() } else { format!("content-length: {length}\r\n") };
        let stream = self.connection.get_mut();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {authority}\r\n{length}\r\n")?;
        stream.write_all(body)?;
        let answer = self.answer()?;
        let mut left = if method == "HEAD" { 0 } else { answer.length };
        let received = left;
        while left > 0 {
            let window = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
            match self.connection.read(&mut self.buffer[..window])? {
                0 => return Err(format!("{path}: the connection ended {left} bytes early").into()),
                read => left -= read as u64,
            }
        }
        Ok((answer, received))
    }

    fn answer(&mut self) -> Outcome<Answer> {
        let (mut answer, mut first) = (Answer { status: 0, location: String::new(), length: 0 }, true);
        loop {
            let mut line = String::new();
            if self.connection.read_line(&mut line)? == 0 {
                return Err("the connection ended within an answer".into());
            }
            let line = line.trim_end();
            if line.is_empty() {
                return Ok(answer);
            }
            if std::mem::take(&mut first) {
                answer.status = line.split(' ').nth(1).unwrap_or_default().parse()?;
            } else if let Some((name, value)) = line.split_once(':') {
                match name.to_ascii_lowercase().as_str() {
                    "content-length" => answer.length = value.trim().parse()?,
                    "location" => value.trim().clone_into(&mut answer.location),
                    _ => {}
                }
            }
        }
    }
}
