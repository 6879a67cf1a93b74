//! A server on a listening socket.

use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Clock, Error, Result, SystemClock};
use crate::http::server::{self, ANY_ADDRESS, Limits};
use crate::ops::S3Cache;
use crate::serve::access::Access;
use crate::serve::counters::{Counters, ServeSummary};
use crate::serve::mount::Mount;
use crate::serve::mounted::Mounted;
use crate::serve::options::ServeOptions;
use crate::serve::promises::Promises;
use crate::serve::pull::Pull;
use crate::serve::push::{PushContext, StopBy};
use crate::serve::registry::Registry;
use crate::serve::route::is_repository;

/// How long requests may take after the server is stopped.
const GRACE: Duration = Duration::from_secs(10);

/// A registry on a listening socket.
pub struct Server {
    http: server::Server,
    registry: Registry,
    address: SocketAddr,
    stop_by: StopBy,
}

/// Stops a [`Server`] from another thread.
#[derive(Clone, Debug)]
pub struct Stopper {
    http: server::Stopper,
    stop_by: StopBy,
}

impl Server {
    /// Prepares to serve `mounts` on `listener`. Nothing is accepted or sent before [`run`](Self::run).
    ///
    /// # Errors
    /// [`Error::Usage`] if the name of a repository is invalid, or a mount has no cache; [`Error::Io`] if the socket
    /// cannot be used.
    pub fn bind(mounts: Vec<Mount>, options: &ServeOptions, listener: TcpListener) -> Result<Self> {
        for mount in &mounts {
            if let Some(name) = mount.repository.as_deref().filter(|name| !is_repository(name)) {
                return Err(Error::usage(format!("{name:?} is not the name of a repository")));
            }
            if mount.caches.is_empty() {
                return Err(Error::usage("a mount has no cache"));
            }
        }
        let failed = |error| Error::io("listen on", "the socket", error);
        let address = listener.local_addr().map_err(failed)?;
        let hosts = hosts(address, &options.hosts);
        let http = server::Server::new(listener, hosts, Limits::default()).map_err(failed)?;
        for cache in mounts.iter().flat_map(|mount| &mount.caches) {
            cache.warn_about_keys();
            if options.redirect && cache.has_own_roots() {
                log::warn!(
                    "{}: clients are not redirected, because they may not trust its certificate",
                    cache.location()
                );
            }
        }
        let counters = Arc::new(Counters::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let promises = Arc::new(Promises::new(clock));
        let push = PushContext::default();
        let mounts = mounts.into_iter().enumerate();
        let mounts =
            mounts.map(|(at, mount)| Arc::new(Mounted::new(mount, at, (&promises, &counters), &push))).collect();
        let pull = Pull::new(counters.clone(), options.redirect, options.manifest_timeout);
        let registry = Registry { access: Access::new(options.users.as_ref()), mounts, pull, counters };
        Ok(Self { http, registry, address, stop_by: push.stop_by })
    }

    /// Returns the address that the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns a handle that stops the server.
    pub fn stopper(&self) -> Stopper {
        Stopper { http: self.http.stopper(), stop_by: self.stop_by.clone() }
    }

    /// Serves until the server is stopped. Requests under way, and their work in the background, then have ten seconds
    /// to finish.
    ///
    /// # Errors
    /// [`Error::Io`] if the socket fails for good.
    pub fn run(&self) -> Result<()> {
        let outcome = self.http.run(&self.registry);
        for push in self.registry.mounts.iter().filter_map(|mounted| mounted.push.as_ref()) {
            push.finish();
        }
        self.registry.pull.finish();
        outcome.map_err(|error| Error::io("accept connections on", self.address.to_string(), error))
    }

    /// Returns what the server has done so far.
    pub fn summary(&self) -> ServeSummary {
        self.registry.counters.summary()
    }
}

impl Stopper {
    /// Stops the server: it accepts no more connections, and requests under way have ten seconds to finish. Does not
    /// wait. Requests to the store can be interrupted by cancelling the [`Cancel`](crate::Cancel) of the caches.
    pub fn stop(&self) {
        self.stop_within(GRACE);
    }

    /// Stops the server, and interrupts requests after `grace`.
    pub fn stop_within(&self, grace: Duration) {
        self.stop_by.stop_within(grace);
        self.http.stop(grace);
    }
}

impl S3Cache {
    /// Prepares to serve every manifest of this cache on `listener`, as [`Mount::references`] describes. Clients may
    /// write if the options say so.
    ///
    /// # Errors
    /// Same as [`Server::bind`].
    pub fn serve(&self, listener: TcpListener, options: &ServeOptions) -> Result<Server> {
        let mount = match options.write {
            true => Mount::writable_references(self.clone()),
            false => Mount::references(vec![self.clone()]),
        };
        Server::bind(vec![mount], options, listener)
    }
}

/// Returns the hosts that requests may name: the address, its usual names, and those of the options.
fn hosts(address: SocketAddr, own: &[String]) -> Vec<String> {
    let mut hosts: Vec<String> = own.iter().map(|host| host.to_ascii_lowercase()).collect();
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
    }
    hosts.push(match address {
        // It listens on every address of this machine, and others may lead to it.
        _ if address.ip().is_unspecified() => ANY_ADDRESS.to_owned(),
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    });
    hosts
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}
