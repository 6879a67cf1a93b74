use crate::run::facts::{Builder, BuilderNode};
use crate::run::reach::{Daemon, Driver};

fn node(endpoint: &str, network_host: bool) -> BuilderNode {
    BuilderNode { endpoint: endpoint.to_owned(), network_host }
}

#[test]
fn a_builder_is_read_from_what_inspect_prints() {
    for (text, driver, nodes) in [
        (
            "Name:          default\nDriver:        docker\nLast Activity: 2026-11-26 09:08:07 +0000 UTC\n\nNodes:\n\
             Name:             default\nEndpoint:         default\nStatus:           running\n\
             BuildKit version: v0.32.2\nPlatforms:        linux/amd64, linux/386\n",
            Driver::Docker,
            vec![node("default", false)],
        ),
        (
            "Name:   b\nDriver: docker-container\n\nNodes:\nName:                  b0\n\
             Endpoint:              unix:///var/run/docker.sock\n\
             Driver Options:        image=\"moby/buildkit\" network=\"host\"\n\
             Status:                running\nDevices:\n Name:                 Endpoint\n\
             Labels:\n org.mobyproject.buildkit.worker.network: host\n Endpoint: x\n\
             File#buildkitd.toml:\n > Driver: x\n\nName:           b1\nEndpoint:       remote\n\
             Driver Options: env.a=\"network=\"\n",
            Driver::Container,
            vec![node("unix:///var/run/docker.sock", true), node("remote", false)],
        ),
        (
            "Name:   r\nDriver: remote\n\nNodes:\nName:     r0\nEndpoint: tcp://localhost:1234\nStatus:   inactive\n",
            Driver::Remote,
            vec![node("tcp://localhost:1234", false)],
        ),
        ("Name: k\nDriver: kubernetes\nError: no cluster\n", Driver::Kubernetes, vec![]),
        ("Driver: new\nNodes:\nName: n\n", Driver::Unknown, vec![node("", false)]),
    ] {
        assert_eq!(Builder::read(text), Some(Builder { driver, nodes }), "{text}");
    }
    for text in ["", "ERROR: no builder", "Name: default\nDriver:\nError: failed to connect\n", "Driver: docker\n"] {
        assert_eq!(Builder::read(text), None, "{text}");
    }
}

#[test]
fn a_daemon_is_read_from_its_info() {
    let read = |text: &str| Daemon::read(text.as_bytes());
    let containerd = r#"{"Name": "ci", "OperatingSystem": "Debian GNU/Linux 13", "Driver": "overlayfs",
        "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
        "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"]}"#;
    let daemon =
        Daemon { name: "ci".into(), system: "Debian GNU/Linux 13".into(), rootless: false, containerd_store: true };
    assert_eq!(read(containerd), Some(daemon.clone()));
    let graph = r#"{"Name": "ci", "OperatingSystem": "Debian GNU/Linux 13", "Driver": "overlay2",
        "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"], []],
        "SecurityOptions": ["name=seccomp", "name=rootless"]}"#;
    assert_eq!(read(graph), Some(Daemon { rootless: true, containerd_store: false, ..daemon }));
    // Without a daemon, docker prints empty fields.
    for text in
        ["", "null", "{}", r#"{"Name": "", "OperatingSystem": "", "DriverStatus": null, "SecurityOptions": null}"#]
    {
        assert_eq!(read(text), None, "{text}");
    }
}
