//! What the reads of a process share.

use std::io;
use std::sync::{Mutex, MutexGuard};

use crate::base::{JoinedThreads, Unpoisoned as _, oneshot};
use crate::store::ahead::memory::Memory;
use crate::store::ahead::notes::Notes;
use crate::store::ahead::settings::ReadAheadSettings;
use crate::store::ahead::table::Table;

/// What the reads of a process share.
pub(super) struct Shared {
    pub(super) settings: ReadAheadSettings,
    pub(super) notes: Notes,
    table: Mutex<Table>,
    pub(super) threads: JoinedThreads,
}

impl Shared {
    pub(super) fn new(settings: ReadAheadSettings) -> Self {
        let table = Mutex::new(Table::new(Memory::new(settings.memory, settings.chunk, settings.reader)));
        Self { settings, notes: Notes::default(), table, threads: JoinedThreads::default() }
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unpoisoned()
    }

    /// Starts a thread, and waits until it has taken its own memory: only then is it known whether there is room for
    /// the next.
    pub(super) fn spawn(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let (sender, started) = oneshot();
        self.threads.spawn(Box::new(move || {
            sender.send(());
            work();
        }))?;
        started.recv();
        Ok(())
    }
}
