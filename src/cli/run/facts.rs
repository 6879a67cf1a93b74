//! Reads what docker and buildx print about builders and daemons.

use serde_json::Value;

use crate::run::reach::{Daemon, Driver};

/// What `docker buildx inspect` prints about a builder.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Builder {
    pub(super) driver: Driver,
    pub(super) nodes: Vec<BuilderNode>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BuilderNode {
    /// A URL, or the name of a context.
    pub(super) endpoint: String,
    pub(super) network_host: bool,
}

impl Builder {
    /// Reads the lines `Name: value`. Those of a node follow its name; indented ones belong to a list.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut driver = None;
        let mut nodes: Vec<BuilderNode> = Vec::new();
        let mut in_nodes = false;
        for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match (key, nodes.last_mut()) {
                ("Nodes", _) => in_nodes = true,
                ("Driver", _) if !in_nodes => driver = Some(driver_of(value)),
                ("Name", _) if in_nodes => nodes.push(BuilderNode::default()),
                ("Endpoint", Some(node)) => node.endpoint = value.to_owned(),
                ("Driver Options", Some(node)) => {
                    node.network_host = value.split(' ').any(|option| option == "network=\"host\"");
                }
                _ => {}
            }
        }
        // A builder that does not answer has none. Kubernetes is decisive anyway.
        let driver = driver.filter(|driver| !nodes.is_empty() || *driver == Driver::Kubernetes)?;
        Some(Self { driver, nodes })
    }
}

impl Daemon {
    /// Reads what `docker info --format {{json .}}` prints. Returns `None` if no daemon answered.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let info: Value = serde_json::from_slice(text).ok()?;
        let string = |key| info.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let array = |key| info.get(key).and_then(Value::as_array).into_iter().flatten();
        let system = string("OperatingSystem");
        let mut security = array("SecurityOptions").filter_map(Value::as_str);
        let mut status = array("DriverStatus").filter_map(Value::as_array).map(Vec::as_slice);
        let containerd = |pair: &[Value]| matches!(pair, [key, value] if key == "driver-type" && value == SNAPSHOTTER);
        (!system.is_empty()).then(|| Self {
            name: string("Name"),
            system,
            rootless: security.any(|option| option.split(',').any(|part| part == "name=rootless")),
            containerd_store: status.any(containerd),
        })
    }
}

/// The `driver-type` of containerd's image store.
const SNAPSHOTTER: &str = "io.containerd.snapshotter.v1";

fn driver_of(name: &str) -> Driver {
    match name {
        "docker" => Driver::Docker,
        "docker-container" => Driver::Container,
        "kubernetes" => Driver::Kubernetes,
        "remote" => Driver::Remote,
        _ => Driver::Unknown,
    }
}
