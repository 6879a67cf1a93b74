//! What the reads of a process share.

use std::io;
use std::sync::{Mutex, MutexGuard, mpsc};
use std::thread::JoinHandle;

use crate::base::{Unpoisoned as _, thread_builder};
use crate::store::ahead::memory::Memory;
use crate::store::ahead::notes::Notes;
use crate::store::ahead::settings::ReadAheadSettings;
use crate::store::ahead::table::Table;

/// What the reads of a process share.
pub(super) struct Shared {
    pub(super) settings: ReadAheadSettings,
    pub(super) notes: Notes,
    table: Mutex<Table>,
    /// Threads that may still run.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Shared {
    pub(super) fn new(settings: ReadAheadSettings) -> Self {
        let table = Mutex::new(Table::new(Memory::new(settings.memory, settings.chunk)));
        Self { settings, notes: Notes::default(), table, threads: Mutex::default() }
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unpoisoned()
    }

    /// Starts a thread, and waits until it has taken its own memory: only then is it known whether there is room for
    /// the next.
    pub(super) fn spawn(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let (sender, started) = mpsc::sync_channel(1);
        let thread = thread_builder()?.spawn(move || {
            let _ = sender.send(());
            work();
        })?;
        let _ = started.recv();
        let mut threads = self.threads.lock().unpoisoned();
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        Ok(())
    }

    /// Waits until all threads have ended.
    pub(super) fn join(&self) {
        loop {
            let Some(thread) = self.threads.lock().unpoisoned().pop() else { return };
            let _ = thread.join();
        }
    }

    /// Returns how many threads run.
    #[cfg(test)]
    pub(super) fn threads(&self) -> usize {
        self.threads.lock().unpoisoned().iter().filter(|thread| !thread.is_finished()).count()
    }
}
