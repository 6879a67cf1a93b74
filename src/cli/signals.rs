//! The first SIGINT or SIGTERM stops cleanly, a second one at once.

use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

use s3_build_cache::{Cancel, Error, Problem, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How long a clean stop may take.
const GRACE: Duration = Duration::from_secs(5);

static RECEIVED: AtomicI32 = AtomicI32::new(0);

/// Cancels `cancel` on the first signal; exits on the second, or when stopping takes too long.
pub(crate) fn watch(cancel: &Cancel) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Error::Setup(Problem::new("cannot wait for signals").source(error)))?;
    let cancel = cancel.clone();
    thread::spawn(move || {
        for signal in signals.forever() {
            if RECEIVED.swap(signal, Ordering::SeqCst) != 0 {
                std::process::exit(128 + signal);
            }
            cancel.cancel();
            thread::spawn(move || {
                thread::sleep(GRACE);
                std::process::exit(128 + signal);
            });
        }
    });
    Ok(())
}

/// The exit status of the signal that came, if one did: 130 or 143.
pub(crate) fn status() -> Option<u8> {
    match RECEIVED.load(Ordering::SeqCst) {
        0 => None,
        signal => u8::try_from(128 + signal).ok(),
    }
}
