//! Certificates: which ones are trusted, and the errors for the others.

use std::io::{Read, Write};

use rustls::HandshakeKind;
use s3_build_cache::ErrorKind;

use super::authority::{Authority, Valid};
use super::terminator::Terminator;
use super::{connect, round_trip};
use crate::loopback::Loopback;
use crate::s3::blobs::Blobs;
use crate::s3::errors::told;
use crate::s3_server::{Fault, Match, Server, Then};

const NAMES: &[&str] = &["localhost", "127.0.0.1"];

#[test]
fn each_setting_for_a_custom_ca_is_honoured() {
    let (server, ca, other) = (Server::start(), Authority::new("ours"), Authority::new("another"));
    let tls = Terminator::start(ca.server(NAMES, Valid::Now), server.address());
    let (bundle, wrong) = (ca.bundle().display().to_string(), other.bundle().display().to_string());
    let profiles = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(profiles.path(), format!("[default]\nca_bundle = {bundle}\n")).unwrap();
    let profiles = profiles.path().display().to_string();
    let ip = format!("https://127.0.0.1:{}", tls.port());
    round_trip(&connect(&server, &ip, &[("AWS_CA_BUNDLE", &bundle), ("SSL_CERT_FILE", &wrong)]).unwrap());
    let name = format!("https://localhost:{}", tls.port());
    for (more, trusted) in [
        (&[("AWS_CA_BUNDLE", &*bundle)][..], true),
        (&[("SSL_CERT_FILE", &bundle)], true),
        (&[("AWS_CONFIG_FILE", &profiles), ("SSL_CERT_FILE", &wrong)], true),
        (&[("AWS_CA_BUNDLE", &wrong), ("AWS_CONFIG_FILE", &profiles)], false),
        (&[("AWS_CA_BUNDLE", &wrong), ("SSL_CERT_FILE", &bundle)], false),
    ] {
        let loaded = connect(&server, &name, more).unwrap().load();
        assert_eq!(loaded.is_ok(), trusted, "{more:?} {loaded:?}");
    }
}

#[test]
fn each_certificate_error_has_a_hint_and_is_not_retried() {
    let server = Server::start();
    let (ca, other, same_name) = (Authority::new("ours"), Authority::new("another"), Authority::new("ours"));
    let bundle = ca.bundle().display().to_string();
    let trust = [("AWS_CA_BUNDLE", bundle.as_str())];
    for (certificate, more, hint) in [
        (other.server(NAMES, Valid::Now), &trust[..], "name its CA in AWS_CA_BUNDLE"),
        (same_name.server(NAMES, Valid::Now), &trust, "name its CA in AWS_CA_BUNDLE"),
        (ca.server(NAMES, Valid::Now), &[], "name its CA in AWS_CA_BUNDLE"),
        (ca.server(&["s3.example.test"], Valid::Now), &trust, "for another host name"),
        (ca.server(NAMES, Valid::Until2020), &trust, "has expired"),
        (ca.server(NAMES, Valid::From2100), &trust, "this machine's clock is wrong"),
    ] {
        let tls = Terminator::start(certificate, server.address());
        for host in NAMES {
            let endpoint = format!("https://{host}:{}", tls.port());
            let error = connect(&server, &endpoint, more).unwrap().load().unwrap_err();
            told(&error, ErrorKind::Network, &[hint, &endpoint, "invalid peer certificate"]);
            assert!(!error.to_string().contains("attempts"), "{error}");
        }
        assert_eq!(tls.connections(), NAMES.len(), "{hint}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn the_wrong_scheme_is_detected_in_both_directions() {
    let (server, ca) = (Server::start(), Authority::new("ours"));
    let tls = Terminator::start(ca.server(NAMES, Valid::Now), server.address());
    // Like most servers, and like those that wait for the end of a line.
    let refuses = Loopback::start(|mut stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap());
    let waits = server.endpoint().replace("http:", "https:");
    for (endpoint, hint) in [
        (format!("https://{}", refuses.address), "write http:// in endpoint_url"),
        (waits, "if that port speaks plain HTTP, write http:// in endpoint_url"),
        (format!("http://127.0.0.1:{}", tls.port()), "write https:// in endpoint_url"),
    ] {
        let once = if hint.starts_with("if ") { &[("AWS_MAX_ATTEMPTS", "1")][..] } else { &[] };
        let error = connect(&server, &endpoint, once).unwrap().load().unwrap_err();
        told(&error, ErrorKind::Network, &[hint, &endpoint]);
        assert!(!error.to_string().contains("attempts"), "{error}");
    }
    // Like nginx and Go's servers, which respond in plain HTTP.
    let answer =
        b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    let explains = Loopback::start(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        stream.write_all(answer).unwrap();
    });
    let error = connect(&server, &format!("http://{}", explains.address), &[]).unwrap().load().unwrap_err();
    told(&error, ErrorKind::Store, &["if the port uses TLS, write https://"]);
    assert_eq!((refuses.connections(), tls.connections()), (1, 1));
}

#[test]
fn a_new_connection_resumes_the_tls_session() {
    let (server, ca) = (Server::start(), Authority::new("ours"));
    let tls = Terminator::start(ca.server(NAMES, Valid::Now), server.address());
    let bundle = ca.bundle().display().to_string();
    let endpoint = format!("https://localhost:{}", tls.port());
    let cache = connect(&server, &endpoint, &[("AWS_CA_BUNDLE", &bundle)]).unwrap();
    for _ in 0..3 {
        cache.load().unwrap();
        tls.hang_up();
        while tls.handshakes().len() < tls.connections() {
            std::thread::yield_now();
        }
    }
    assert_eq!(tls.handshakes(), [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed]);
}

#[test]
fn interim_responses_and_417_are_handled_inside_tls_too() {
    let ca = Authority::new("ours");
    let bundle = ca.bundle().display().to_string();
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\nserver: x\r\n\r\n";
    for fault in
        [Fault::Interim(hints), Fault::ExpectationFailed(Then::HoldOpen), Fault::ExpectationFailed(Then::Drain)]
    {
        let server = Server::start();
        server.fault(Match::any().always(), fault);
        let tls = Terminator::start(ca.server(NAMES, Valid::Now), server.address());
        let endpoint = format!("https://localhost:{}", tls.port());
        let more = [("AWS_CA_BUNDLE", &*bundle), ("AWS_MAX_ATTEMPTS", "1")];
        let cache = connect(&server, &endpoint, &more).unwrap();
        let blobs = Blobs::of(&[3 << 20, 10]);
        let report = cache.export_config(&blobs.config, &blobs, &s3_build_cache::ExportOptions::new()).unwrap();
        assert_eq!(report.blobs.transferred, 2);
        assert_eq!(cache.load().unwrap().unwrap(), blobs.config);
    }
}
