//! Whether a builder reaches a server on this machine's loopback, and what to do if it does not. Pure: facts in, a
//! decision out.

use s3_build_cache::{Error, Result};

/// What is known about a builder.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) driver: Driver,
    pub(crate) nodes: Vec<Node>,
    pub(crate) host: Host,
}

/// The driver of a builder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driver {
    /// The BuildKit in dockerd.
    Docker,
    /// A BuildKit in a container.
    Container,
    Kubernetes,
    /// A BuildKit that buildx does not manage; also buildctl's.
    Remote,
    Unknown,
}

/// One BuildKit of a builder. Unknown facts count as no problem.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// The address of the Docker that runs it, or its own.
    pub(crate) endpoint: Option<String>,
    /// Whether its container shares the network of its host.
    pub(crate) network_host: bool,
    pub(crate) daemon: Option<Daemon>,
}

/// What a dockerd reports about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Daemon {
    /// Its host name.
    pub(crate) name: String,
    pub(crate) system: String,
    pub(crate) rootless: bool,
    /// Whether images are in containerd's store, not in the older graph driver's.
    pub(crate) containerd_store: bool,
}

/// The machine of this program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Host {
    pub(crate) name: Option<String>,
    /// Elsewhere, Docker runs in a virtual machine.
    pub(crate) is_linux: bool,
}

/// What a builder reaches and does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Why it does not reach this machine's loopback.
    pub(crate) not_loopback: Option<String>,
    /// Whether it writes caches to registries.
    pub(crate) exports: bool,
    /// Whether it has BuildKit's own S3 cache.
    pub(crate) own_s3: bool,
}

/// How the builder reaches the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Loopback,
    /// By the address that the user gave.
    Advertised,
    /// By BuildKit's own S3 cache, and why.
    OwnS3(String),
}

impl Facts {
    pub(crate) fn reach(&self) -> Reach {
        let first_problem =
            |check: fn(&Self, &Node) -> Option<String>| self.nodes.iter().find_map(|it| check(self, it));
        let not_loopback = match self.driver {
            Driver::Docker => first_problem(Self::problem_of_docker),
            Driver::Container => first_problem(Self::problem_of_container),
            Driver::Remote => first_problem(Self::problem_of_remote),
            Driver::Kubernetes => Some("the builder runs in Kubernetes".to_owned()),
            Driver::Unknown => None,
        };
        let graph = |node: &Node| node.daemon.as_ref().is_some_and(|daemon| !daemon.containerd_store);
        let exports = self.driver != Driver::Docker || !self.nodes.iter().any(graph);
        Reach { not_loopback, exports, own_s3: !matches!(self.driver, Driver::Docker | Driver::Unknown) }
    }

    fn problem_of_docker(&self, node: &Node) -> Option<String> {
        if let Some(problem) = self.problem_of_endpoint("Docker", node) {
            return Some(problem);
        }
        let daemon = node.daemon.as_ref()?;
        if daemon.system.contains("Docker Desktop") {
            return Some("Docker Desktop runs in a virtual machine".to_owned());
        }
        if daemon.rootless {
            return Some("rootless Docker has a network of its own".to_owned());
        }
        let ours = self.host.name.as_deref().unwrap_or(&daemon.name);
        (!daemon.name.is_empty() && ours != daemon.name)
            .then(|| format!("Docker runs on another machine or in another container ({})", daemon.name))
    }

    fn problem_of_container(&self, node: &Node) -> Option<String> {
        let problem = self.problem_of_docker(node);
        problem.or_else(|| (!node.network_host).then(|| "the builder's container has a network of its own".to_owned()))
    }

    fn problem_of_remote(&self, node: &Node) -> Option<String> {
        self.problem_of_endpoint("BuildKit", node)
    }

    /// The address itself may hold a password.
    fn problem_of_endpoint(&self, what: &str, node: &Node) -> Option<String> {
        let endpoint = node.endpoint.as_deref().unwrap_or("unix://");
        let scheme = endpoint.split_once("://").map_or("unix", |(scheme, _)| scheme);
        match scheme {
            "unix" | "fd" if self.host.is_linux => None,
            "unix" | "fd" => Some(format!("{what} runs in a virtual machine")),
            _ => Some(format!("{what} is reached over {scheme}")),
        }
    }
}

impl Reach {
    /// Returns how the builder reaches the cache. `advertised` is whether the user gave an address, `exports` whether a
    /// cache is written.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no way.
    pub(crate) fn route(&self, advertised: bool, exports: bool) -> Result<Route> {
        if exports && !self.exports {
            let error = Error::usage(
                "this Docker can only read caches: it uses a graph driver, not the containerd image store",
            );
            return Err(error.with_hint("enable the containerd image store, or leave out the cache to write"));
        }
        match &self.not_loopback {
            _ if advertised => Ok(Route::Advertised),
            None => Ok(Route::Loopback),
            Some(reason) if self.own_s3 => Ok(Route::OwnS3(reason.clone())),
            Some(reason) => {
                let error = Error::usage(format!("the builder does not reach this machine's loopback: {reason}"));
                Err(error.with_hint(
                    "pass --advertise HOST:PORT with an address of this machine that the builder reaches \
                     (for Docker Desktop: host.docker.internal:5055)",
                ))
            }
        }
    }
}
