//! Runs the command: gives it the terminal, passes signals on, and returns its status.

use std::io;
use std::process::{self, Command, ExitStatus};
use std::sync::{Arc, Mutex};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpgrp, kill_process, waitid};
use rustix::termios::tcgetpgrp;
use s3_build_cache::Result;
use s3_build_cache::program::Unpoisoned as _;
use signal_hook::consts::{SIGINT, SIGQUIT};

use crate::signals;

/// What a signal does.
#[derive(Default)]
enum Stage {
    /// It ends the program at once.
    #[default]
    Alone,
    /// It is passed on to the command. The program ends only after the command.
    Running(Pid),
}

/// Receives the signals of this process.
#[derive(Clone, Default)]
pub(crate) struct Guard(Arc<Mutex<Stage>>);

impl Guard {
    /// Starts receiving signals.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn watch() -> Result<Self> {
        let guard = Self::default();
        let stage = guard.0.clone();
        signals::listen(move |mut signals| {
            for signal in signals.forever() {
                // While the lock is held the command is not reaped, so that its id is still its own.
                match *stage.lock().unpoisoned() {
                    Stage::Alone => process::exit(128 + signal),
                    Stage::Running(pid) => pass_on(pid, signal),
                }
            }
        })?;
        Ok(guard)
    }

    /// Runs the command to its end.
    ///
    /// # Errors
    /// If it cannot be started or waited for.
    pub(crate) fn run(&self, command: &mut Command) -> io::Result<ExitStatus> {
        let mut child = {
            // A signal that arrives meanwhile waits for the command.
            let mut stage = self.0.lock().unpoisoned();
            let child = command.spawn()?;
            *stage = Stage::Running(Pid::from_child(&child));
            child
        };
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(error) = waitid(WaitId::Pid(Pid::from_child(&child)), ended) {
            if error != Errno::INTR {
                return Err(error.into());
            }
        }
        *self.0.lock().unpoisoned() = Stage::Alone;
        child.wait()
    }
}

/// Passes a signal on, unless the terminal has sent it to every process in the foreground, and so to the command.
fn pass_on(pid: Pid, signal: i32) {
    if matches!(signal, SIGINT | SIGQUIT) && is_in_the_foreground() {
        return;
    }
    if let Some(signal) = Signal::from_named_raw(signal) {
        // Fails only if the command has just ended.
        let _ = kill_process(pid, signal);
    }
}

fn is_in_the_foreground() -> bool {
    let foreground = tcgetpgrp(io::stdin()).or_else(|_| tcgetpgrp(io::stderr())).or_else(|_| tcgetpgrp(io::stdout()));
    foreground.is_ok_and(|foreground| foreground == getpgrp())
}
