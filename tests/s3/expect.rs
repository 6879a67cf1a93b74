//! `Expect: 100-continue`, and interim responses in addition to or instead of `100 Continue`.

use std::io::Write;
use std::time::{Duration, Instant};

use s3_build_cache::object::PutMode;
use s3_build_cache::{ErrorKind, ExportOptions, Report, Result, S3Cache};

use crate::loopback::Loopback;
use crate::s3::blobs::Blobs;
use crate::s3::errors::told;
use crate::s3::{builder, cache};
use crate::s3_server::{Fault, Match, Recorded, Server, Then};

/// Larger than the bodies that are sent without `Expect`.
const LARGE: usize = 3 << 20;
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

fn export(cache: &S3Cache, blobs: &Blobs) -> Result<Report> {
    cache.export_config(&blobs.config, blobs, &ExportOptions::new())
}

fn expecting(requests: &[Recorded]) -> usize {
    requests.iter().filter(|request| request.header("expect").is_some()).count()
}

#[test]
fn a_417_is_retried_without_expect_and_remembered() {
    for then in [Then::HoldOpen, Then::Reset, Then::Drain] {
        // Immediately, and when the body is already being sent.
        for delay in [0, 1300] {
            let (server, blobs) = (Server::start(), Blobs::of(&[LARGE, LARGE + 1, 10]));
            server.fault(Match::method("PUT").times(1), Fault::Delay(Duration::from_millis(delay)));
            server.fault(Match::any().always(), Fault::ExpectationFailed(then));
            // The refusal does not count as a failed attempt.
            let opened = cache(&server, ",retry_max_attempts=1,upload_parallelism=1");
            let begun = Instant::now();
            let report = export(&opened, &blobs).unwrap_or_else(|error| panic!("{then:?}: {}", error.chain()));
            assert!(begun.elapsed() < Duration::from_secs(20), "{then:?} {:?}", begun.elapsed());
            assert_eq!(report.blobs.transferred, 3);
            let first = expecting(&server.take_requests());
            assert!((1..=2).contains(&first), "{then:?}: {first}, for two may have been sent at once");
            for key in server.keys() {
                server.remove(&key);
            }
            export(&opened, &blobs).unwrap();
            assert_eq!(expecting(&server.take_requests()), 0, "{then:?}");
        }
    }
}

/// The request has no `Expect` header.
#[test]
fn a_417_without_expect_is_a_refusal() {
    let server = Server::start();
    let refusal = crate::s3_server::Failure::new(417, "ExpectationFailed", "no");
    server.fault(Match::any().always(), Fault::Reply(refusal));
    told(&cache(&server, "").load().unwrap_err(), ErrorKind::Store, &["417 ExpectationFailed"]);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn interim_responses_are_skipped_for_every_operation() {
    for interim in [
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nserver: x\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 x\r\na: b\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 199 x\r\n\r\n",
    ] {
        let (server, blobs) = (Server::start(), Blobs::of(&[LARGE, 10, 20, 30, 40, 50]));
        server.fault(Match::any().always(), Fault::Interim(interim));
        let opened = cache(&server, ",retry_max_attempts=1");
        let begun = Instant::now();
        for transferred in [6, 0] {
            let report = export(&opened, &blobs).unwrap_or_else(|error| panic!("{interim:?}: {}", error.chain()));
            assert_eq!(report.blobs.transferred, transferred);
        }
        assert_eq!(opened.load().unwrap().unwrap(), blobs.config);
        assert!(begun.elapsed() < Duration::from_secs(10), "{interim:?}: {:?}", begun.elapsed());
    }
}

#[test]
fn endless_interim_responses_fail_quickly() {
    let endless = Loopback::start(|mut stream| while stream.write_all(CONTINUE.as_bytes()).is_ok() {});
    let server = Server::start();
    let mut options = cache(&server, "").options().to_builder();
    options.location.endpoint = Some(format!("http://{}", endless.address).parse().unwrap());
    options.credentials.keys = Some(s3_build_cache::options::AccessKeys::new("AK", "secret-access-key"));
    let opened = S3Cache::builder(&options.build().unwrap()).open().unwrap();
    let begun = Instant::now();
    told(&opened.load().unwrap_err(), ErrorKind::Network, &["interim responses (1xx)", "does not speak HTTP as S3"]);
    // More than the system's buffers can hold.
    let large = s3_build_cache::object::BytesPayload::new(vec![7; 15 << 20]);
    told(
        &opened.store().put("x", &large, &PutMode::Overwrite).unwrap_err(),
        ErrorKind::Network,
        &["interim responses"],
    );
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn a_server_that_switches_protocols_is_rejected() {
    let server = Server::start();
    let switch = crate::s3_server::Failure::new(101, "x", "x");
    server.fault(Match::any().always(), Fault::Early(switch, Then::HoldOpen));
    let error = builder(&server, "").open().unwrap().load().unwrap_err();
    told(&error, ErrorKind::Store, &["HTTP 101"]);
    assert_eq!(server.requests().len(), 1);
}
