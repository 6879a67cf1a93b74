//! The server that runs beside the command.

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use s3_build_cache::program::thread_builder;
use s3_build_cache::serve::{Mount, ServeOptions, ServeSummary, Server};
use s3_build_cache::{Cancel, Error, Result};

use crate::run::advertise::Advertise;
use crate::run::caches::Usable;

/// How long requests under way may take when the command has ended.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// How much longer the server may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// A listener, and the names of its repositories, which cannot be guessed.
pub(crate) struct Address {
    listener: TcpListener,
    /// The host and port by which the builder reaches this server.
    authority: String,
    host: Option<String>,
    path: String,
}

/// A server that is running.
pub(crate) struct Serving {
    server: Arc<Server>,
    thread: JoinHandle<Result<()>>,
    /// Cancelled when the server has ended.
    ended: Cancel,
}

impl Address {
    /// Listens on a free port of the loopback, or on the address given.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub(crate) fn bind(advertise: Option<&Advertise>) -> Result<Self> {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let address = advertise.map_or(loopback, Advertise::listen);
        let failed = |error| {
            let error = Error::setup(format!("cannot listen on {address}")).with_source(error);
            if advertise.is_some() { error.with_hint("choose another port with --advertise") } else { error }
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let host = advertise.map(|advertise| advertise.host.clone());
        let authority = format!("{}:{port}", host.as_deref().unwrap_or("127.0.0.1"));
        Ok(Self { listener, authority, host, path: random()? })
    }

    /// Returns the repository of that name.
    pub(crate) fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }

    /// Returns the reference of a repository, as a builder takes it.
    pub(crate) fn reference(&self, name: &str) -> String {
        format!("{}/{}", self.authority, self.repository(name))
    }

    /// Returns whether the builder needs `registry.insecure=true` to use plain HTTP.
    pub(crate) fn is_insecure(&self) -> bool {
        self.host.is_some()
    }

    /// Serves the caches under these names.
    ///
    /// # Errors
    /// If the server cannot be started.
    pub(crate) fn serve(self, caches: Vec<(String, Usable)>) -> Result<Serving> {
        let mounts = caches.into_iter().filter_map(|(name, usable)| {
            let repository = self.repository(&name);
            match usable {
                // A repository that does not exist is a miss.
                Usable::Read(caches) if caches.is_empty() => None,
                Usable::Read(caches) => Some(Mount::read_only(repository, caches)),
                Usable::Write(cache) => Some(Mount::writable(repository, *cache)),
                Usable::Dropped => None,
            }
        });
        let mounts = mounts.collect();
        let options = self.host.into_iter().fold(ServeOptions::new(), ServeOptions::host);
        let server = Arc::new(Server::bind(mounts, &options, self.listener)?);
        let (running, ended) = (server.clone(), Cancel::new());
        let on_end = ended.clone();
        let work = move || {
            let outcome = running.run();
            on_end.cancel();
            outcome
        };
        let failed = |error| Error::setup("cannot start a thread for the server").with_source(error);
        let thread = thread_builder().and_then(|thread| thread.spawn(work)).map_err(failed)?;
        Ok(Serving { server, thread, ended })
    }
}

impl Serving {
    /// Stops the server after what is under way, and returns what it did. Requests to a store that does not answer within
    /// `grace` are interrupted with `cancel`, because nobody waits for them any more.
    pub(crate) fn stop(self, cancel: &Cancel, grace: Duration) -> ServeSummary {
        self.server.stopper().stop_within(grace);
        self.ended.wait(grace + STOP_WITHIN);
        if !self.ended.is_cancelled() {
            log::warn!("requests to the store are interrupted, because they take too long");
        }
        // Also what the server has given up may wait for the store.
        cancel.cancel();
        match self.thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => log::warn!("the server failed: {}", error.chain()),
            Err(_) => log::warn!("the server failed"),
        }
        self.server.summary()
    }
}

/// Returns 128 random bits in hex.
fn random() -> Result<String> {
    const SOURCE: &str = "/dev/urandom";
    let mut bytes = [0; 16];
    let read = File::open(SOURCE).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| Error::io("read", SOURCE, error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
