//! Tunnels through a proxy. The target's name does not exist, so only the proxy can reach it.

use std::io::Write;

use s3_build_cache::ErrorKind;

use super::authority::{Authority, Valid};
use super::connect_proxy::ConnectProxy;
use super::terminator::Terminator;
use super::{connect, round_trip};
use crate::loopback::Loopback;
use crate::s3::errors::told;
use crate::s3_server::Server;

const NAME: &str = "s3.example.test";
const OPEN: &str = "HTTP/1.1 200 Connection established\r\n\r\n";
/// `marked-user:marked-pass@word`
const AUTHORIZATION: &str = "Basic bWFya2VkLXVzZXI6bWFya2VkLXBhc3NAd29yZA==";
const SECRETS: &[&str] = &["marked-user", "marked-pass", "bWFya2VkLXVzZXI6bWFya2VkLXBhc3NAd29yZA"];

/// A server behind TLS, and the file with its CA certificate.
fn behind_tls(server: &Server) -> (Authority, Terminator, String) {
    let ca = Authority::new("ours");
    let tls = Terminator::start(ca.server(&[NAME, "localhost"], Valid::Now), server.address());
    let bundle = ca.bundle().display().to_string();
    (ca, tls, bundle)
}

#[test]
fn a_whole_cache_is_transferred_through_a_tunnel() {
    let server = Server::start();
    let (_ca, tls, bundle) = behind_tls(&server);
    let proxy = ConnectProxy::start(OPEN, tls.address());
    let url = format!("http://marked-user:marked-pass%40word@{}/", proxy.address());
    let more = [("AWS_CA_BUNDLE", &*bundle), ("https_proxy", &url), ("HTTP_PROXY", "http://127.0.0.1:1")];
    let cache = connect(&server, &format!("https://{NAME}"), &more).unwrap();
    round_trip(&cache);
    let heads = proxy.heads();
    assert!(!heads.is_empty() && heads.len() == tls.connections(), "{heads:?}");
    for head in heads {
        let agent = concat!("user-agent: s3-build-cache/", env!("CARGO_PKG_VERSION"));
        let expected = format!(
            "CONNECT {NAME}:443 HTTP/1.1\r\nhost: {NAME}:443\r\n{agent}\r\nproxy-authorization: {AUTHORIZATION}\r\n\r\n"
        );
        assert_eq!(head, expected);
    }
    // The proxy's credentials are not sent to the server.
    for request in server.requests() {
        assert!(!format!("{request:?}").to_lowercase().contains("proxy-"), "{request:?}");
    }
}

#[test]
fn plain_http_uses_a_tunnel_too() {
    let server = Server::start();
    let proxy = ConnectProxy::start("HTTP/1.0 200 OK\r\nvia: x\r\n\r\n", server.address());
    let address = proxy.address().to_string();
    round_trip(&connect(&server, &format!("http://{NAME}:9000"), &[("HTTP_PROXY", &address)]).unwrap());
    assert!(proxy.heads().iter().all(|head| head.starts_with(&format!("CONNECT {NAME}:9000 "))));
}

#[test]
fn a_proxy_may_use_tls_itself() {
    let server = Server::start();
    let (ca, tls, bundle) = behind_tls(&server);
    let proxy = ConnectProxy::start(OPEN, tls.address());
    let secure = Terminator::start(ca.server(&["localhost"], Valid::Now), proxy.address());
    let url = format!("https://localhost:{}", secure.port());
    let more = [("AWS_CA_BUNDLE", &*bundle), ("HTTPS_PROXY", &url)];
    round_trip(&connect(&server, &format!("https://{NAME}"), &more).unwrap());
    let plain = Loopback::start(|mut stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap());
    // A name that the certificate does not cover, and a server without TLS.
    for (url, hint) in [
        (format!("https://127.0.0.1:{}", secure.port()), "the proxy's own certificate is for another host name"),
        (format!("https://{}", plain.address), "name it as http://host:port"),
    ] {
        let more = [("AWS_CA_BUNDLE", &*bundle), ("HTTPS_PROXY", &url)];
        let error = connect(&server, &format!("https://{NAME}"), &more).unwrap().load().unwrap_err();
        told(&error, ErrorKind::Network, &[hint, url.trim_start_matches("https://"), "HTTPS_PROXY"]);
    }
}

#[test]
fn a_certificate_error_behind_a_proxy_names_the_proxy() {
    let server = Server::start();
    let (_ca, tls, _) = behind_tls(&server);
    let proxy = ConnectProxy::start(OPEN, tls.address());
    let address = proxy.address().to_string();
    let cache = connect(&server, &format!("https://{NAME}"), &[("HTTPS_PROXY", &address)]).unwrap();
    let parts = ["name its CA in AWS_CA_BUNDLE", "goes through the proxy", &address];
    told(&cache.load().unwrap_err(), ErrorKind::Network, &parts);
}

#[test]
fn a_refused_tunnel_names_the_proxy_and_its_variable() {
    let server = Server::start();
    for (answer, hint, attempts) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP 403", 1),
        ("HTTP/1.1 407 Auth\r\nproxy-authenticate: Basic\r\n\r\n", "requires another user name and password", 1),
        ("HTTP/1.1 405 No\r\n\r\n", "refuses a tunnel (CONNECT)", 1),
        ("HTTP/1.1 503 Unavailable\r\n\r\n", "cannot reach the endpoint", 3),
        ("SSH-2.0-OpenSSH_9\r\n\r\n", "does not speak HTTP as a proxy does", 1),
        ("", "closed the connection", 3),
    ] {
        let proxy = ConnectProxy::start(answer, server.address());
        let address = proxy.address().to_string();
        let url = format!("http://marked-user:marked-pass%40word@{address}");
        let cache = connect(&server, &format!("https://{NAME}"), &[("HTTPS_PROXY", &url)]).unwrap();
        let error = cache.load().unwrap_err();
        told(&error, ErrorKind::Network, &[hint, &address, "HTTPS_PROXY", "NO_PROXY"]);
        assert_eq!(proxy.heads().len(), attempts, "{answer}");
        let shown = format!("{error:?} {cache:?}");
        assert!(SECRETS.iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
}

#[test]
fn an_unreachable_proxy_is_named() {
    let server = Server::start();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let cache = connect(&server, &format!("https://{NAME}"), &[("HTTPS_PROXY", &free)]).unwrap();
    told(&cache.load().unwrap_err(), ErrorKind::Network, &["no proxy is listening", &format!("the proxy is {free}")]);
}

#[test]
fn no_proxy_and_loopback_hosts_are_reached_directly() {
    let server = Server::start();
    let (_ca, tls, bundle) = behind_tls(&server);
    let proxy = ConnectProxy::start(OPEN, tls.address());
    let address = proxy.address().to_string();
    let set = [("AWS_CA_BUNDLE", &*bundle), ("HTTPS_PROXY", &address), ("NO_PROXY", "example.test:443")];
    round_trip(&connect(&server, &format!("https://localhost:{}", tls.port()), &set).unwrap());
    // The name does not exist, so the error shows that no proxy was used.
    let error = connect(&server, &format!("https://{NAME}"), &set).unwrap().load().unwrap_err();
    assert!(error.chain().contains("failed to lookup address"), "{}", error.chain());
    assert!(proxy.heads().is_empty());
    // The exception applies to another port.
    connect(&server, &format!("https://{NAME}:8443"), &set).unwrap().load().unwrap();
    assert!(proxy.heads()[0].starts_with(&format!("CONNECT {NAME}:8443 ")));
}

#[test]
fn a_socks_proxy_is_rejected_before_anything_is_sent() {
    let server = Server::start();
    let set = [("https_proxy", "socks5://marked-user:marked-pass@127.0.0.1:1080")];
    let error = connect(&server, &format!("https://{NAME}"), &set).unwrap_err();
    told(&error, ErrorKind::Setup, &["https_proxy", "socks5", "NO_PROXY"]);
    assert!(!format!("{error:?}").contains("marked"));
}

/// Collects all possible output, on success and when the proxy refuses.
#[cfg(feature = "cli")]
#[test]
fn the_proxy_password_is_never_printed() {
    let server = Server::start();
    let (_ca, tls, bundle) = behind_tls(&server);
    for (answer, status) in [(OPEN, 0), ("HTTP/1.1 407 Auth\r\n\r\n", 1)] {
        let proxy = ConnectProxy::start(answer, tls.address());
        let url = format!("http://marked-user:marked-pass%40word@{}", proxy.address());
        let set = [("AWS_CA_BUNDLE", &*bundle), ("HTTPS_PROXY", &url), ("AWS_MAX_ATTEMPTS", "1")];
        let set = super::variables(&server, &set);
        let set: Vec<(&str, &str)> = set.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let attributes = super::attributes(&server, &format!("https://{NAME}"));
        let arguments = ["export", "tests/fixtures/max/local", "--cache-to", &attributes, "-vv", "--json"];
        let run = crate::cli::run_with(&arguments, &set).expect(status);
        let printed = format!("{}{}", run.stdout, run.stderr);
        assert!(printed.contains(&proxy.address().to_string()), "{printed}");
        assert!(SECRETS.iter().all(|secret| !printed.contains(secret)), "{printed}");
    }
}
