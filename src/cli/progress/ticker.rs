//! Redraws progress at intervals, so that a stall shows too.

use std::sync::Weak;
use std::thread;
use std::time::Duration;

use s3_build_cache::program::thread_builder;

/// A display of progress that changes with time.
pub(super) trait Ticking: Send + Sync {
    fn tick(&self);
}

/// Starts a thread that ticks as long as the target lives. Without one, only events are shown. Nothing waits for the
/// thread.
pub(super) fn start(target: Weak<dyn Ticking>, every: Duration) {
    let work = move || {
        while let Some(target) = target.upgrade() {
            target.tick();
            drop(target);
            thread::sleep(every);
        }
    };
    if let Err(error) = thread_builder().and_then(|thread| thread.spawn(work)) {
        log::info!("progress is shown less often: cannot start a thread ({error})");
    }
}
