//! The first SIGINT or SIGTERM stops cleanly, a second one at once.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use s3_build_cache::{Cancel, Error, Problem, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long a clean stop may take.
const GRACE: Duration = Duration::from_secs(5);
/// How often a second signal is looked for while the run stops.
const LOOK_EVERY: Duration = Duration::from_millis(20);

static RECEIVED: AtomicI32 = AtomicI32::new(0);

/// Cancels `cancel` on the first signal; exits on the second, or when stopping takes too long. Where the system gives no
/// thread to wait on, signals keep their default effect, which ends the process at once.
pub(crate) fn watch(cancel: &Cancel) -> Result<()> {
    let cancel = cancel.clone();
    let (sender, receiver) = sync_channel(1);
    let waiting = thread::Builder::new().spawn(move || {
        if let Ok(signals) = receiver.recv() {
            wait(signals, &cancel);
        }
    });
    if let Err(error) = waiting {
        log::info!("a signal ends this run at once: no thread to wait for it ({error})");
        return Ok(());
    }
    // Only now: a signal that is caught and that nobody waits for would be lost.
    let signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Error::Setup(Problem::new("cannot wait for signals").source(error)))?;
    // The thread receives it, whatever happens.
    let _ = sender.send(signals);
    Ok(())
}

fn wait(mut signals: Signals, cancel: &Cancel) {
    let Some(first) = signals.forever().next() else { return };
    RECEIVED.store(first, Ordering::SeqCst);
    cancel.cancel();
    let start = Instant::now();
    while start.elapsed() < GRACE {
        if let Some(second) = signals.pending().next() {
            std::process::exit(128 + second);
        }
        thread::sleep(LOOK_EVERY);
    }
    std::process::exit(128 + first);
}

/// The exit status of the signal that came, if one did: 130 or 143.
pub(crate) fn status() -> Option<u8> {
    match RECEIVED.load(Ordering::SeqCst) {
        0 => None,
        signal => u8::try_from(128 + signal).ok(),
    }
}
