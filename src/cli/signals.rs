//! The first SIGINT, SIGTERM, SIGHUP or SIGQUIT stops the program cleanly, a second one at once. SIGXFSZ does not kill
//! it.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use s3_build_cache::program::{oneshot, thread_builder};
use s3_build_cache::{Cancel, Error, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::output::stderr;
use crate::progress;

/// The time limit of a clean stop.
pub(crate) const GRACE: Duration = Duration::from_secs(5);
/// How long the notice may delay the stop.
const NOTICE_LIMIT: Duration = Duration::from_millis(100);
/// How often to check for a second signal during a clean stop.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Where to report that the program stops.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    Nowhere,
    /// Only on a terminal, after Ctrl-C: in a log, the end of a command that only a signal ends is no news.
    Terminals,
    Everywhere,
}

static RECEIVED: AtomicI32 = AtomicI32::new(0);

/// Reports the first signal, and cancels `cancel`. Exits on the second, or if a clean stop takes longer than
/// `grace`. If the system cannot start a thread to wait for them, signals keep their default effect, which ends the
/// process at once.
pub(crate) fn watch(cancel: &Cancel, grace: Duration, notice: Notice) -> Result<()> {
    let cancel = cancel.clone();
    listen(move |signals| wait(signals, &cancel, grace, notice))
}

/// Passes SIGINT, SIGQUIT, SIGTERM and SIGHUP to a thread of their own. Without memory for one, they keep their default
/// effect.
pub(crate) fn listen(waiter: impl FnOnce(Signals) + Send + 'static) -> Result<()> {
    let failed = |error| Error::setup("cannot wait for signals").with_source(error);
    // With a handler in place, a write beyond the limit fails with EFBIG and is reported like any failed write.
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).map_err(failed)?;
    let (sender, receiver) = oneshot();
    let waiting = thread_builder().and_then(|thread| {
        thread.spawn(move || {
            if let Some(signals) = receiver.recv() {
                waiter(signals);
            }
        })
    });
    if let Err(error) = waiting {
        log::info!("a signal will end this run at once: cannot start a thread to wait for it ({error})");
        return Ok(());
    }
    // Not before the thread is running: a signal that is caught but not waited for would be lost.
    let stopping = [SIGINT, SIGQUIT, SIGTERM].into_iter().chain((!is_ignored(SIGHUP)).then_some(SIGHUP));
    let signals = Signals::new(stopping).map_err(failed)?;
    sender.send(signals);
    Ok(())
}

fn wait(mut signals: Signals, cancel: &Cancel, grace: Duration, notice: Notice) {
    let Some(first) = signals.forever().next() else { return };
    RECEIVED.store(first, Ordering::SeqCst);
    let start = Instant::now();
    let again = first == SIGINT && io::stderr().is_terminal();
    if (notice == Notice::Everywhere || (notice == Notice::Terminals && again)) && is_writable() {
        let text = if again { "stopping; press again to stop at once" } else { "stopping" };
        stop(cancel, move || progress::above_bars(|| stderr::note("stopping", text)));
    } else {
        cancel.cancel();
    }
    while start.elapsed() < grace {
        // When a terminal closes, the kernel sends one SIGHUP and the shell another.
        if let Some(second) = signals.pending().find(|second| (first, *second) != (SIGHUP, SIGHUP)) {
            exit(second);
        }
        thread::sleep(LOOK_EVERY);
    }
    exit(first);
}

/// Prints the notice, then cancels `cancel`, so that the command cannot end without the notice. A standard error that
/// blocks delays the cancellation only for a moment.
fn stop(cancel: &Cancel, print: impl FnOnce() + Clone + Send + 'static) {
    let (sender, receiver) = oneshot();
    let printing = print.clone();
    let work = move || {
        printing();
        sender.send(());
    };
    let thread = thread_builder().and_then(|thread| thread.spawn(work));
    if thread.is_ok() {
        // Cancelled even if it is not printed in time.
        let _ = receiver.recv_timeout(NOTICE_LIMIT);
    }
    cancel.cancel();
    if thread.is_err() {
        print();
    }
}

fn exit(signal: i32) {
    if is_writable() {
        progress::try_finish();
    }
    std::process::exit(128 + signal);
}

/// Returns whether standard error takes output at once. Nothing may delay the exit.
fn is_writable() -> bool {
    let stderr = io::stderr();
    let mut polled = [PollFd::new(&stderr, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&now)).is_ok() && polled.iter().all(|polled| polled.revents() == PollFlags::OUT)
}

/// Forgets the received signal, because ending was all that it asked for.
pub(crate) fn forget() {
    RECEIVED.store(0, Ordering::SeqCst);
}

/// Returns the exit status for the received signal, if any: 129, 130, 131 or 143.
pub(crate) fn status() -> Option<u8> {
    match RECEIVED.load(Ordering::SeqCst) {
        0 => None,
        signal => u8::try_from(128 + signal).ok(),
    }
}

/// Returns whether the program was started with the signal ignored, as by `nohup`. Can be detected only on Linux.
fn is_ignored(signal: i32) -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| is_in_mask(&status, signal))
}

fn is_in_mask(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or_default();
    mask.checked_shr(signal.unsigned_abs().saturating_sub(1)).is_some_and(|bits| bits & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_is_printed_before_the_cancellation() {
        let cancel = Cancel::new();
        let printed = Arc::new(AtomicBool::new(false));
        let (before, sent) = (cancel.clone(), printed.clone());
        stop(&cancel, move || sent.store(!before.is_cancelled(), Ordering::SeqCst));
        assert!(cancel.is_cancelled() && printed.load(Ordering::SeqCst));
    }

    #[test]
    fn a_notice_that_cannot_be_printed_does_not_prevent_the_cancellation() {
        let (cancel, release) = (Cancel::new(), Cancel::new());
        let blocked = release.clone();
        stop(&cancel, move || blocked.wait(Duration::from_secs(3600)));
        assert!(cancel.is_cancelled() && !release.is_cancelled());
        release.cancel();
    }

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        let status = "Name:\tx\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001001\n";
        for (signal, ignored) in [(SIGHUP, true), (13, true), (SIGINT, false), (SIGTERM, false), (65, false)] {
            assert_eq!(is_in_mask(status, signal), ignored, "{signal}");
        }
        for none in ["", "SigIgn:\n", "SigIgn:\tx\n"] {
            assert!(!is_in_mask(none, SIGHUP));
        }
    }
}
