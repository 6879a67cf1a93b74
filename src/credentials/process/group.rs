//! A child process in its own process group, which is killed when its handle is dropped.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::base::{Cancel, Interrupt, Unpoisoned as _};

/// How long a killed child may take to exit. A child that cannot be killed because it runs as another user is left
/// behind.
const REAP_LIMIT: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(5);

/// A child and all its descendants that stay in its process group. All are killed on cancellation and on drop.
pub(super) struct Group {
    child: Child,
    leader: Leader,
    _interrupt: Interrupt,
}

/// The child's PID, which is also the group's ID. It is cleared before the child is reaped, because the system may then
/// reuse the number.
#[derive(Clone)]
struct Leader(Arc<Mutex<Option<Pid>>>);

/// The child's state.
#[derive(Debug, PartialEq)]
pub(super) enum State {
    Running,
    /// The child was stopped because it uses the terminal, which belongs to another group.
    WantsTerminal,
    Ended,
}

impl Group {
    /// Starts the command in a group of its own.
    pub(super) fn spawn(command: &mut Command, cancel: &Cancel) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        let leader = Leader(Arc::new(Mutex::new(Some(Pid::from_child(&child)))));
        let killed = leader.clone();
        // Runs on the cancelling thread, because the process may exit right afterwards.
        let interrupt = cancel.on_cancel(move || killed.kill());
        Ok(Self { child, leader, _interrupt: interrupt })
    }

    /// Returns the child's output, once.
    pub(super) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Returns the child's state without reaping it.
    pub(super) fn state(&self) -> io::Result<State> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(Pid::from_child(&self.child)), options)?;
        let terminal = [Signal::TTIN.as_raw(), Signal::TTOU.as_raw()];
        Ok(match status {
            None => State::Running,
            Some(status) if status.stopped() => match status.stopping_signal() {
                Some(signal) if terminal.contains(&signal) => State::WantsTerminal,
                _ => State::Running,
            },
            Some(_) => State::Ended,
        })
    }

    /// Kills the remaining processes of the group and reaps the child.
    pub(super) fn end(&mut self) -> io::Result<ExitStatus> {
        self.leader.kill();
        *self.leader.lock() = None;
        let start = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) => return Ok(status),
                None if start.elapsed() > REAP_LIMIT => return Err(io::ErrorKind::TimedOut.into()),
                None => thread::sleep(LOOK),
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.leader.lock().is_some() {
            let _ = self.end();
        }
    }
}

impl Leader {
    fn lock(&self) -> MutexGuard<'_, Option<Pid>> {
        self.0.lock().unpoisoned()
    }

    fn kill(&self) {
        // Hold the lock while sending the signal, so that the child is not reaped in between.
        let pid = self.lock();
        if let Some(pid) = *pid {
            // This fails if there is nothing left to kill.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}
