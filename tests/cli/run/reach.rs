//! Builders that do not reach the server, and what they get.

use super::fake::Fake;
use crate::cli::Run;

const BRIDGE: &str = "Name:          b\nDriver:        docker-container\nLast Activity: 2026-11-26 10:00:00 +0000 UTC\n\n\
                      Nodes:\nName:                  b0\nEndpoint:              unix:///var/run/docker.sock\n\
                      Driver Options:        image=\"moby/buildkit\"\nStatus:                running\n";

#[test]
fn docker_and_buildx_are_asked_as_the_command_asks_them() {
    for (words, calls) in [
        (
            &["docker", "buildx", "build"][..],
            &["docker buildx inspect", "docker --context default context inspect", "docker --context default info"][..],
        ),
        (&["docker", "build"], &["docker context inspect", "docker info"]),
        (&["docker", "-c", "x", "build"], &["docker -c x context inspect", "docker -c x info"]),
        (
            &["docker", "-H", "x", "buildx", "build"],
            &["docker -H x buildx inspect", "docker -H x context inspect", "docker -H x info"],
        ),
        (
            &["docker", "build", "--builder", "b"],
            &["docker buildx inspect b", "docker --context default context inspect", "docker --context default info"],
        ),
        (
            &["buildx", "--builder=b", "build"],
            &["buildx inspect b", "docker --context default context inspect", "docker --context default info"],
        ),
        (&["buildctl", "build"], &[]),
    ] {
        let fake = Fake::new();
        let option = if words[0] == "buildctl" { "--import-cache" } else { "--cache-from" };
        fake.run(&[&["--"], words, &[option, &fake.store()]].concat()).expect(0);
        let made = fake.calls();
        let asked = &made[..made.len() - 1];
        assert_eq!(asked.len(), calls.len(), "{made:?}");
        assert!(asked.iter().zip(calls).all(|(made, call)| made.starts_with(call)), "{made:?}");
    }
}

#[test]
fn a_docker_elsewhere_needs_an_address() {
    let fake = Fake::new();
    let store = fake.store();
    let words = ["--", "docker", "build", "--cache-from", &*store];
    let refused = |reason: &str| {
        fake.run(&words).expect(2).says(&["does not reach this machine's loopback", reason, "--advertise HOST:PORT"]);
        assert_eq!(fake.raw_arguments(), None);
        let advertised = [&["--advertise", "host.example:0"], &words[..]].concat();
        fake.run(&advertised).expect(0);
        let value = fake.arguments().pop().unwrap();
        let reference = value.strip_prefix("type=registry,ref=host.example:").unwrap();
        assert!(reference.ends_with("/from-1,registry.insecure=true"), "{value}");
    };
    fake.info("overlayfs", "Docker Desktop", "name=seccomp");
    refused("Docker Desktop");
    fake.info("overlayfs", "Debian", "name=rootless");
    refused("rootless");
    fake.info("overlayfs", "Debian", "name=seccomp");
    fake.answers("host", "tcp://docker:2375");
    refused("over tcp");
    fake.answers("host", "unix:///var/run/docker.sock");
    fake.run(&words).expect(0);
}

#[test]
fn a_docker_with_the_graph_driver_only_reads_caches() {
    let fake = Fake::new();
    fake.info("overlay2", "Debian", "name=seccomp");
    let store = fake.store();
    fake.run(&["--", "docker", "build", "--cache-from", &store]).expect(0);
    assert_eq!(fake.arguments()[2], "type=registry,ref=SERVER/from-1");
    for words in [
        &["--", "docker", "build", "--cache-to", &*store][..],
        &["--", "docker", "build", "--cache-to", &format!("{store},ignore-error=true")],
        &["--cache-to", &store, "--", "make"],
    ] {
        fake.run(words).expect(2).says(&["enable the containerd image store"]);
        assert_eq!(fake.raw_arguments(), None);
    }
}

#[test]
fn a_builder_in_a_network_of_its_own_opens_the_caches_itself() {
    let fake = Fake::new();
    fake.answers("builder", BRIDGE);
    let keys = format!("{},access_key_id=AK,secret_access_key=SECRET,session_token=TOKEN,mode=max", fake.store());
    let cleaned = format!("{},mode=max", fake.store());
    let run = fake.run(&["--", "docker", "buildx", "build", "--cache-to", &keys, "--cache-from", &keys]).expect(0);
    assert!(run.stderr.starts_with("warning: the builder opens the S3 caches itself"), "{}", run.stderr);
    assert!(!run.stderr.contains("never used") && !run.stderr.contains("served"), "{}", run.stderr);
    assert_eq!(fake.arguments()[2..], ["--cache-to", &cleaned, "--cache-from", &cleaned]);
    let variable = |name: &str| fake.variable(name);
    assert_eq!(variable("AWS_ACCESS_KEY_ID").as_deref(), Some("AK"));
    assert_eq!(variable("AWS_SECRET_ACCESS_KEY").as_deref(), Some("SECRET"));
    assert_eq!(variable("AWS_SESSION_TOKEN").as_deref(), Some("TOKEN"));
    fake.run(&["--cache-to", &keys, "--", "make"]).expect(0);
    assert_eq!(fake.variable("S3_BUILD_CACHE_TO").unwrap(), cleaned);
    let store = fake.store();
    let merged = format!("{store},on_conflict=merge");
    for (words, part) in [
        (&["--", "docker", "buildx", "build", "--cache-to", &*merged][..], "no attribute on_conflict"),
        (&["--", "docker", "buildx", "build", "--cache-to", &keys, "--cache-from", &store], "different keys"),
        (&["--cache-from", &store, "--cache-from", &cleaned, "--", "make"], "cannot merge"),
    ] {
        let _ = fake.raw_arguments();
        fake.run(words).expect(2).says(&[part, "--advertise HOST:PORT"]);
        assert_eq!(fake.raw_arguments(), None);
    }
    fake.answers("builder", &BRIDGE.replace("image=\"moby/buildkit\"", "image=\"x\" network=\"host\""));
    fake.run(&["--", "docker", "buildx", "build", "--cache-to", &merged]).expect(0);
    assert_eq!(fake.arguments()[3], "type=registry,ref=SERVER/to-1");
}

#[test]
fn buildctl_is_served_over_a_unix_socket_only() {
    let fake = Fake::new();
    let store = fake.store();
    for (addr, served) in [("unix:///run/buildkit/buildkitd.sock", true), ("tcp://buildkitd:1234", false)] {
        fake.run(&["--", "buildctl", "--addr", addr, "build", "--import-cache", &store]).expect(0);
        let value = fake.arguments().pop().unwrap();
        assert_eq!(value, if served { "type=registry,ref=SERVER/from-1" } else { &store });
    }
}

#[test]
fn a_builder_that_is_unknown_counts_as_reachable() {
    let fake = Fake::new();
    fake.answers("info", "{\"ServerErrors\": [\"no daemon\"]}");
    let store = fake.store();
    let run = fake.run(&["--", "docker", "build", "--cache-from", &store]).expect(0);
    assert!(run.stderr.contains("warning: docker info failed, so it is unknown whether"), "{}", run.stderr);
    assert_eq!(fake.arguments()[2], "type=registry,ref=SERVER/from-1");
    // Without docker, other commands need no builder of it.
    std::fs::remove_file(fake.path("docker")).unwrap();
    let mut command = fake.command(&["--cache-from", &store, "--", "make"]);
    let run = Run::of(command.env("PATH", fake.dir.path()).output().unwrap()).expect(0);
    assert!(!run.stderr.contains("unknown"), "{}", run.stderr);
}
