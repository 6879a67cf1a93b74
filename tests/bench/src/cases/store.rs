//! The servers that a case runs against, behind one interface.

use std::path::Path;

use crate::Outcome;
use crate::driver::Bench;
use crate::driver::endpoint::Endpoint;
use crate::driver::inputs::Input;
use crate::driver::sample::{Sample, measured};
use crate::driver::seaweedfs::SeaweedFs;
use crate::driver::sink::{Conditions, Sink};
use crate::driver::tools::{Direction, Tool, Transfer};

/// The prefix of the objects that exist before a run.
pub(super) const STOCK: &str = "stock/";

pub(super) enum Store {
    Sink(Sink),
    SeaweedFs(SeaweedFs),
}

/// Returns the selected servers, also with TLS if the case requires that.
pub(super) fn stores(bench: &Bench, with_tls: bool) -> Outcome<Vec<Store>> {
    let mut stores = Vec::new();
    let options = &bench.options;
    for tls in [false, true] {
        let chosen = if tls { options.tls && with_tls } else { options.plain };
        if options.sink && chosen {
            stores.push(Store::Sink(Sink::start(bench, Conditions::default(), tls)?));
        }
    }
    for tls in [false, true] {
        let chosen = if tls { options.tls && with_tls } else { options.plain };
        if options.seaweedfs && chosen {
            stores.push(Store::SeaweedFs(SeaweedFs::new(bench, tls)?));
        }
    }
    if stores.is_empty() {
        eprintln!("a case is left out: it has no TLS");
    }
    Ok(stores)
}

impl Store {
    pub(super) fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Sink(sink) => &sink.endpoint,
            Self::SeaweedFs(server) => &server.endpoint,
        }
    }

    /// Removes all objects.
    pub(super) fn empty(&mut self, bench: &Bench) -> Outcome<()> {
        match self {
            Self::Sink(sink) => sink.clear(),
            Self::SeaweedFs(server) => server.restart(bench),
        }
    }

    /// Stores an input's cache under `STOCK`, and nothing else.
    pub(super) fn stock(&mut self, bench: &Bench, input: &Input) -> Outcome<()> {
        self.empty(bench)?;
        if let Self::Sink(sink) = self {
            // The export below then finds the blobs and writes only the manifest.
            sink.populate(STOCK, input)?;
        }
        let transfer = Transfer {
            direction: Direction::Export,
            endpoint: self.endpoint(),
            input,
            prefix: STOCK,
            target: Path::new(""),
            skip_existing: false,
        };
        measured(bench, &Tool::Ours.command(bench, &transfer)).map(|_| ())
    }

    /// Resets the counts.
    pub(super) fn reset(&self) -> Outcome<()> {
        match self {
            Self::Sink(sink) => sink.reset(),
            Self::SeaweedFs(_) => Ok(()),
        }
    }

    /// Records the server's counts for a run, if it has any, and checks that the expected number of bytes was
    /// transferred.
    pub(super) fn note(&self, sample: &mut Sample, bytes: u64) -> Outcome<()> {
        if let Self::Sink(sink) = self {
            let seen = sink.seen()?;
            if seen.bytes < bytes {
                return Err(format!("{} of {bytes} bytes arrived", seen.bytes).into());
            }
            sample.seen = Some(seen);
        }
        Ok(())
    }
}
