//! The path to the endpoint, broken at each of its steps.

use std::net::TcpListener;

use s3_build_cache::ErrorKind;

use super::{diagnose, failed, find, has_passed, only, skipped};
use crate::loopback::Loopback;
use crate::network::authority::{Authority, Valid};
use crate::network::connect_proxy::ConnectProxy;
use crate::network::terminator::Terminator;
use crate::s3_server::Server;

const BEHIND: &[&str] = &["bucket", "list", "read", "write", "touch", "delete", "clock"];

#[test]
fn each_failing_step_of_the_path_is_named() {
    let server = Server::start();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hangs_up = Loopback::start(drop);
    let speaks_else = Loopback::start(|mut stream| {
        let _ = std::io::Write::write_all(&mut stream, b"SSH-2.0-x\r\n");
        let _ = std::io::Read::read(&mut stream, &mut [0; 1024]);
    });
    for (endpoint, name, part) in [
        // The text depends on whether there is a name server.
        ("http://s3.example.invalid".to_owned(), "dns", ""),
        (format!("http://{closed}"), "tcp", "nothing listens there"),
        (format!("http://{}", hangs_up.address), "http", "the connection broke"),
        (format!("http://{}", speaks_else.address), "http", "does not speak HTTP"),
    ] {
        let checks = diagnose(&server, &endpoint, &[]);
        only(&checks, name, ErrorKind::Network, &[part]);
        skipped(&checks, BEHIND);
        assert!(has_passed(&checks, "credentials"));
    }
}

#[test]
fn certificate_errors_are_distinguished() {
    let (server, ca, other) = (Server::start(), Authority::new("ours"), Authority::new("another"));
    let bundle = ca.bundle().display().to_string();
    let trust = [("AWS_CA_BUNDLE", bundle.as_str())];
    let names = &["localhost"][..];
    for (certificate, more, part) in [
        (other.server(names, Valid::Now), &trust[..], "AWS_CA_BUNDLE"),
        (ca.server(names, Valid::Now), &[], "AWS_CA_BUNDLE"),
        (ca.server(&["s3.example.test"], Valid::Now), &trust, "another host name"),
        (ca.server(names, Valid::Until2020), &trust, "expired"),
    ] {
        let tls = Terminator::start(certificate, server.address());
        let checks = diagnose(&server, &format!("https://localhost:{}", tls.port()), more);
        only(&checks, "tls", ErrorKind::Network, &[part]);
        skipped(&checks, BEHIND);
    }
    let tls = Terminator::start(ca.server(names, Valid::Now), server.address());
    let endpoint = format!("https://localhost:{}", tls.port());
    let checks = diagnose(&server, &endpoint, &trust);
    assert_eq!(failed(&checks), [""; 0], "{checks:#?}");
    assert!(find(&checks, "tls").detail.starts_with("TLS 1.3"), "{checks:#?}");
    let checks = diagnose(&server, &endpoint, &[("AWS_CA_BUNDLE", "/nowhere.pem")]);
    only(&checks, "endpoint", ErrorKind::Setup, &["/nowhere.pem", "AWS_CA_BUNDLE"]);
    let plain = Loopback::start(|mut stream| {
        let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let plain = format!("https://{}", plain.address);
    only(&diagnose(&server, &plain, &trust), "tls", ErrorKind::Network, &["http:// in endpoint_url"]);
}

#[test]
fn a_proxy_is_a_separate_step() {
    let server = Server::start();
    let open = ConnectProxy::start("HTTP/1.1 200 OK\r\n\r\n", server.address());
    let shut = ConnectProxy::start("HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n", server.address());
    let target = "http://s3.example.test";
    let proxy = |proxy: &ConnectProxy| format!("http://marked-user:marked-pass@{}", proxy.address());
    let checks = diagnose(&server, target, &[("HTTP_PROXY", &proxy(&open))]);
    assert_eq!(failed(&checks), [""; 0], "{checks:#?}");
    assert!(find(&checks, "proxy").detail.contains("HTTP_PROXY"));
    let checks = diagnose(&server, target, &[("HTTP_PROXY", &proxy(&shut))]);
    only(&checks, "proxy", ErrorKind::Network, &["407", "user name and password"]);
    assert!(!format!("{checks:?}").contains("marked"), "{checks:?}");
    let checks = diagnose(&server, target, &[("HTTP_PROXY", "http://proxy.example.invalid")]);
    only(&checks, "dns", ErrorKind::Network, &["proxy"]);
    let checks = diagnose(&server, target, &[("HTTP_PROXY", "socks5://127.0.0.1:1")]);
    only(&checks, "endpoint", ErrorKind::Setup, &["socks5"]);
}
