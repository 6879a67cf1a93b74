use s3_build_cache::ErrorKind;

use crate::run::reach::{Daemon, Driver, Facts, Host, Node, Reach, Route};

fn host() -> Host {
    Host { name: Some("ci".to_owned()), is_linux: true }
}

/// The Docker of the machine, with containerd's store.
fn local() -> Node {
    let daemon =
        Daemon { name: "ci".into(), system: "Debian GNU/Linux 13".into(), rootless: false, containerd_store: true };
    Node { endpoint: Some("unix:///var/run/docker.sock".into()), network_host: false, daemon: Some(daemon) }
}

fn with(change: impl Fn(&mut Daemon)) -> Node {
    let mut node = local();
    change(node.daemon.as_mut().unwrap());
    node
}

fn at(endpoint: &str) -> Node {
    Node { endpoint: Some(endpoint.to_owned()), ..local() }
}

fn sharing(node: Node) -> Node {
    Node { network_host: true, ..node }
}

fn reach(driver: Driver, nodes: &[Node]) -> Reach {
    Facts { driver, nodes: nodes.to_vec(), host: host() }.reach()
}

#[test]
fn loopback_is_reached_by_what_shares_the_network_of_this_machine() {
    use Driver::{Container, Docker, Kubernetes, Remote, Unknown};
    let desktop = with(|daemon| daemon.system = "Docker Desktop".into());
    let rootless = with(|daemon| daemon.rootless = true);
    let elsewhere = with(|daemon| daemon.name = "3f2a".into());
    let nameless = with(|daemon| daemon.name.clear());
    let silent = Node { daemon: None, ..local() };
    for (driver, nodes, problem) in [
        (Docker, vec![local()], ""),
        (Docker, vec![silent.clone()], ""),
        (Docker, vec![nameless], ""),
        (Docker, vec![Node { endpoint: None, ..local() }], ""),
        (Docker, vec![], ""),
        (Docker, vec![at("fd://")], ""),
        (Docker, vec![at("tcp://docker:2375")], "over tcp"),
        (Docker, vec![at("tcp://127.0.0.1:2375")], "over tcp"),
        (Docker, vec![at("ssh://me:MARKED@host")], "over ssh"),
        (Docker, vec![at("npipe:////./pipe/docker")], "over npipe"),
        (Docker, vec![desktop.clone()], "Docker Desktop"),
        (Docker, vec![rootless.clone()], "rootless"),
        (Docker, vec![elsewhere.clone()], "another machine or in another container (3f2a)"),
        (Container, vec![local()], "network of its own"),
        (Container, vec![sharing(local())], ""),
        (Container, vec![sharing(silent)], ""),
        (Container, vec![sharing(local()), local()], "network of its own"),
        (Container, vec![sharing(desktop)], "Docker Desktop"),
        (Container, vec![sharing(rootless)], "rootless"),
        (Container, vec![sharing(elsewhere)], "another machine"),
        (Container, vec![sharing(at("tcp://docker:2376"))], "over tcp"),
        (Kubernetes, vec![sharing(local())], "Kubernetes"),
        (Kubernetes, vec![], "Kubernetes"),
        (Remote, vec![at("unix:///run/buildkit/buildkitd.sock")], ""),
        (Remote, vec![at("tcp://buildkitd:1234")], "over tcp"),
        (Remote, vec![at("docker-container://buildkitd")], "over docker-container"),
        (Remote, vec![at("kube-pod://buildkitd")], "over kube-pod"),
        (Unknown, vec![at("tcp://x")], ""),
    ] {
        let found = reach(driver, &nodes).not_loopback.unwrap_or_default();
        assert_eq!(found.is_empty(), problem.is_empty(), "{driver:?} {nodes:?}: {found}");
        assert!(found.contains(problem) && !found.contains("MARKED"), "{driver:?} {nodes:?}: {found}");
    }
    let mac = Host { name: Some("ci".into()), is_linux: false };
    for driver in [Docker, Container, Remote] {
        let facts = Facts { driver, nodes: vec![sharing(local())], host: mac.clone() };
        assert!(facts.reach().not_loopback.unwrap().contains("virtual machine"));
    }
}

#[test]
fn a_route_follows_from_the_reach_and_the_address_given() {
    let graph = |daemon: &mut Daemon| daemon.containerd_store = false;
    let docker = reach(Driver::Docker, &[local()]);
    let old = reach(Driver::Docker, &[with(graph)]);
    let remote = reach(Driver::Docker, &[at("tcp://docker:2375")]);
    let bridge = reach(Driver::Container, &[local()]);
    let container = reach(Driver::Container, &[sharing(with(graph))]);
    for (reach, advertised, exports, expected) in [
        (&docker, false, true, Ok(Route::Loopback)),
        (&docker, true, true, Ok(Route::Advertised)),
        (&old, false, false, Ok(Route::Loopback)),
        (&old, false, true, Err("containerd image store")),
        (&old, true, true, Err("containerd image store")),
        (&remote, false, false, Err("--advertise HOST:PORT")),
        (&remote, true, true, Ok(Route::Advertised)),
        (&bridge, false, true, Ok(Route::OwnS3("the builder's container has a network of its own".into()))),
        (&bridge, true, true, Ok(Route::Advertised)),
        // The store of images does not matter to a BuildKit of its own.
        (&container, false, true, Ok(Route::Loopback)),
    ] {
        match (reach.route(advertised, exports), expected) {
            (Ok(route), Ok(expected)) => assert_eq!(route, expected, "{reach:?}"),
            (Err(error), Err(part)) => {
                assert_eq!(error.kind(), ErrorKind::Usage);
                assert!(error.hint().unwrap().contains(part), "{reach:?}: {error}");
            }
            (found, expected) => panic!("{reach:?}: {found:?}, not {expected:?}"),
        }
    }
}
