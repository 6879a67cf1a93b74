//! A program that prints credentials.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::base::{Cancel, Error, Problem, Result};
use crate::credentials::chain::{Found, Lookup};
use crate::credentials::document::{Document, Names};
use crate::credentials::{Credentials, CredentialsProvider, Profile};

const TIMEOUT: Duration = Duration::from_secs(60);
/// How often it is looked whether to go on waiting.
const LOOK: Duration = Duration::from_millis(20);
/// Credentials are a few kilobytes.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024;
const BY_HAND: &str = "run the command of credential_process by hand, and see what it says and does";
const NAMES: Names = Names { id: "AccessKeyId", secret: "SecretAccessKey", token: "SessionToken" };

/// A command line of the shell whose output is credentials. Neither is ever shown: both may hold secrets.
struct Process {
    command: String,
    /// The setting that names it.
    origin: String,
    cancel: Cancel,
    timeout: Duration,
}

/// The one of a profile.
pub(super) fn profile(lookup: &Lookup<'_>, profile: &Profile) -> Found {
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
        let wrong = |why: &str| Problem::new(format!("the program {why}"));
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(&self.command)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Error::Access(wrong("cannot be started").hint("there must be a sh").source(error)))?;
        let output = self.wait(&mut child);
        if output.is_err() {
            // It may be gone by now.
            let _ = child.kill();
            let _ = child.wait();
        }
        let (status, output) = output?;
        if !status.success() {
            let problem = wrong(&format!("failed ({status})"));
            let hint = "what it says is on standard error; run the command of credential_process by hand";
            return Err(Error::Access(problem.hint(hint)));
        }
        Ok(output)
    }

    /// Waits for output and end, but not for ever, and not when cancelled.
    fn wait(&self, child: &mut Child) -> Result<(ExitStatus, Vec<u8>)> {
        let start = Instant::now();
        let (sender, receiver) = channel();
        let stdout = child.stdout.take();
        // Ends with the program, unless that leaves a child behind which holds on to the output.
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.map_or(Ok(0), |stdout| stdout.take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut bytes));
            let _ = sender.send(read.map(|_| bytes));
        });
        let io = |error| Error::Access(Problem::new("the program's output cannot be read").hint(BY_HAND).source(error));
        let mut output = None;
        loop {
            self.cancel.check()?;
            match output {
                None => match receiver.recv_timeout(LOOK) {
                    Ok(bytes) => output = Some(bytes.map_err(io)?),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => output = Some(Vec::new()),
                },
                Some(bytes) if bytes.len() as u64 > MAX_OUTPUT_BYTES => {
                    let problem = Problem::new(format!("the program prints more than {MAX_OUTPUT_BYTES} bytes"));
                    return Err(Error::Access(problem.hint(BY_HAND)));
                }
                Some(bytes) => {
                    if let Some(status) = child.try_wait().map_err(io)? {
                        return Ok((status, bytes));
                    }
                    output = Some(bytes);
                    thread::sleep(LOOK);
                }
            }
            if start.elapsed() > self.timeout {
                let problem = Problem::new(format!("the program has not ended after {} s", self.timeout.as_secs()));
                return Err(Error::Access(problem.hint("it must not wait for input; run the command by hand")));
            }
        }
    }
}

pub(crate) fn read(output: &[u8], origin: &str) -> std::result::Result<Credentials, Problem> {
    let document = Document::parse(output)?;
    if document.get("Version").and_then(serde_json::Value::as_i64) != Some(1) {
        return Err(Problem::new("its Version is not 1"));
    }
    document.credentials(NAMES, document.time("Expiration")?, origin)
}

impl CredentialsProvider for Process {
    fn credentials(&self) -> Result<Credentials> {
        let output = self.run()?;
        read(&output, &self.origin()).map_err(|problem| {
            let hint = "it prints one JSON object with Version 1, AccessKeyId, SecretAccessKey, and for temporary keys \
                        SessionToken and Expiration";
            let outer = Problem::new("what the program printed cannot be used").hint(hint);
            Error::Access(outer.source(Error::Access(problem)))
        })
    }

    fn origin(&self) -> String {
        format!("the program of {}", self.origin)
    }
}

#[cfg(test)]
mod tests;
