//! Runs a program for what it prints, for a limited time.

use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use s3_build_cache::program::{OneshotReceiver, oneshot, thread_builder};

/// More than the definition of any build.
const MAX_BYTES: u64 = 32 << 20;
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What a program printed.
pub(super) struct Captured {
    pub(super) succeeded: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

/// Runs the program without standard input. Ends it, and what it started, if it takes longer than `limit`.
///
/// # Errors
/// If it cannot be started, or takes too long.
pub(super) fn capture(command: &mut Command, limit: Duration) -> io::Result<Captured> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group { child: command.process_group(0).spawn()?, ended: false };
    let end = Instant::now() + limit;
    let stdout = reader(group.child.stdout.take().map(|pipe| Box::new(pipe) as _))?;
    let stderr = reader(group.child.stderr.take().map(|pipe| Box::new(pipe) as _))?;
    let rest = |at: OneshotReceiver<Vec<u8>>| {
        at.recv_timeout(end.saturating_duration_since(Instant::now()))
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))
    };
    let (stdout, stderr) = (rest(stdout)?, rest(stderr)?);
    loop {
        match group.child.try_wait()? {
            Some(status) => {
                group.ended = true;
                return Ok(Captured { succeeded: status.success(), stdout, stderr });
            }
            None if Instant::now() > end => return Err(io::ErrorKind::TimedOut.into()),
            None => thread::sleep(LOOK_EVERY),
        }
    }
}

/// Reads to the end on a thread of its own.
fn reader(pipe: Option<Box<dyn Read + Send>>) -> io::Result<OneshotReceiver<Vec<u8>>> {
    let (sender, receiver) = oneshot();
    thread_builder()?.spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is kept.
        let _ = pipe.map(|pipe| pipe.take(MAX_BYTES).read_to_end(&mut bytes));
        sender.send(bytes);
    })?;
    Ok(receiver)
}

/// A child that leads a process group.
struct Group {
    child: Child,
    ended: bool,
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.ended {
            // Fails only if nothing is left to kill.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
