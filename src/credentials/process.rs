//! Credentials printed by an external program.

mod group;

use std::io::{self, Read};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::aws::{JsonObject, KeyNames, Profile};
use crate::base::{Cancel, Error, OUT_OF_FILES, Problem, Result, is_out_of_files};
use crate::credentials::lookup::{Configured, Lookup};
use crate::credentials::provider::CredentialsProvider;
use crate::sigv4::Credentials;
use group::{Group, State};

const TIMEOUT: Duration = Duration::from_secs(60);
/// The interval at which the wait loop checks its exit conditions.
const LOOK: Duration = Duration::from_millis(20);
/// How long to wait for the output to close after the program has exited.
const LEFT_BEHIND: Duration = Duration::from_secs(1);
/// Credentials are a few kilobytes.
const MAX_OUTPUT_BYTES: usize = 64 * 1024;
const BUFFER_BYTES: usize = 4096;
const BY_HAND: &str = "run the command of credential_process by hand and check its output";
/// The byte order mark that PowerShell and others write before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const NAMES: KeyNames = KeyNames { id: "AccessKeyId", secret: "SecretAccessKey", token: "SessionToken" };

/// A shell command whose output is credentials. Neither is ever shown, because both may contain secrets.
struct Process {
    command: String,
    /// The setting that contains the command.
    origin: String,
    cancel: Cancel,
    timeout: Duration,
}

/// The program's output.
struct Output {
    /// `None` once the output has ended.
    pipe: Option<ChildStdout>,
    bytes: Vec<u8>,
}

/// Returns the process that the profile configures.
pub(super) fn profile(lookup: &Lookup<'_>, profile: &Profile) -> Configured {
    let Some(command) = profile.setting("credential_process") else { return Ok(None) };
    Ok(Some(Arc::new(Process {
        command: command.value.to_owned(),
        origin: command.origin,
        cancel: lookup.context.cancel.clone(),
        timeout: TIMEOUT,
    })))
}

impl Process {
    fn run(&self) -> Result<Vec<u8>> {
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.command).stdout(Stdio::piped());
        let mut group = Group::spawn(&mut command, &self.cancel).map_err(not_started)?;
        let mut output = Output { pipe: group.take_stdout(), bytes: Vec::new() };
        self.wait(&group, &mut output)?;
        let status = group.end().map_err(unreadable)?;
        self.cancel.check()?;
        match status.code() {
            Some(0) => Ok(output.bytes),
            Some(code @ (126 | 127)) => Err(failed(
                &format!("failed (exit status: {code}), as the shell does if it cannot run a command"),
                "use the full path of the program, and quote only the path and single arguments, not the whole line",
            )),
            _ => Err(failed(
                &format!("failed ({status})"),
                "see its messages on standard error, or run the command of credential_process by hand",
            )),
        }
    }

    /// Reads the output until the program has exited, the time limit is reached, or the wait is cancelled.
    fn wait(&self, group: &Group, output: &mut Output) -> Result<()> {
        let start = Instant::now();
        let mut ended: Option<Instant> = None;
        loop {
            output.read(LOOK, &self.cancel).map_err(unreadable)?;
            self.cancel.check()?;
            if output.bytes.len() > MAX_OUTPUT_BYTES {
                let why = format!("prints more than {MAX_OUTPUT_BYTES} bytes");
                return Err(failed(&why, BY_HAND));
            }
            match group.state().map_err(unreadable)? {
                State::Ended if output.pipe.is_none() => return Ok(()),
                // A process that the program left behind holds the output open, and may still print the credentials.
                State::Ended if ended.get_or_insert_with(Instant::now).elapsed() > LEFT_BEHIND => return Ok(()),
                State::Ended => {}
                State::WantsTerminal => {
                    let why = "was stopped because it uses the terminal";
                    return Err(failed(why, "it must not prompt for input: log in by hand first"));
                }
                State::Running if start.elapsed() > self.timeout => {
                    let why = format!("did not exit within {} s", self.timeout.as_secs());
                    let hint = "it must not wait for input: run the command by hand to check";
                    return Err(failed(&why, hint));
                }
                State::Running => {}
            }
        }
    }
}

impl Output {
    /// Reads the available output, waiting at most `patience` for it.
    fn read(&mut self, patience: Duration, cancel: &Cancel) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else {
            cancel.wait(patience);
            return Ok(());
        };
        let timeout = Timespec::try_from(patience).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut buffer = [0; BUFFER_BYTES];
        match pipe.read(&mut buffer)? {
            0 => self.pipe = None,
            size => self.bytes.extend(buffer.iter().take(size)),
        }
        Ok(())
    }
}

fn failed(why: &str, hint: &str) -> Error {
    Error::access(format!("the program {why}")).with_hint(hint)
}

fn not_started(error: io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "`sh` was not found",
        io::ErrorKind::WouldBlock => "there are too many processes: raise the limit (ulimit -u), or end some",
        io::ErrorKind::OutOfMemory => "there is too little memory for another process",
        _ if is_out_of_files(&error) => OUT_OF_FILES,
        _ => "check that `sh` can be run",
    };
    failed("cannot be started", hint).with_source(error)
}

fn unreadable(error: io::Error) -> Error {
    Error::access("the program's output cannot be read").with_hint(BY_HAND).with_source(error)
}

/// Parses the program's output. Errors do not quote it.
pub(crate) fn read(output: &[u8], origin: &str) -> std::result::Result<Credentials, Problem> {
    let document = JsonObject::parse(output.strip_prefix(BYTE_ORDER_MARK).unwrap_or(output))?;
    if document.get("Version").and_then(serde_json::Value::as_i64) != Some(1) {
        return Err(Problem::new("its Version is not 1"));
    }
    document.credentials(NAMES, document.time("Expiration")?, origin)
}

impl CredentialsProvider for Process {
    fn credentials(&self) -> Result<Credentials> {
        let output = self.run()?;
        read(&output, &self.origin()).map_err(|problem| {
            let hint = "it must print one JSON object with Version 1, AccessKeyId, SecretAccessKey, and for temporary \
                        keys SessionToken and Expiration";
            Error::access("the program's output is invalid").with_hint(hint).with_source(problem)
        })
    }

    fn origin(&self) -> String {
        format!("the program of {}", self.origin)
    }
}

#[cfg(test)]
mod tests;
