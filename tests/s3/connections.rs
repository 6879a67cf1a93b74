//! Connections that are refused, stale or out of step.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use s3_build_cache::object::ListOptions;
use s3_build_cache::{ErrorKind, S3Cache};

use crate::loopback::Loopback;
use crate::s3::errors::told;
use crate::s3::retries::{ALL, holding};
use crate::s3::{TestClock, builder, cache};
use crate::s3_server::{Fault, Match, Operation};

/// The server closed any number of idle connections, and none counts as a failed attempt.
#[test]
fn stale_connections_are_replaced_at_once() {
    for target in ALL {
        let server = holding();
        let clock = Arc::new(TestClock::default());
        let opened = builder(&server, ",retry_max_attempts=1").clock(clock.clone()).open().unwrap();
        server.fault(Match::any(), Fault::ResetNext);
        opened.store().list_page("", &ListOptions::default()).unwrap();
        (target.1)(&opened).unwrap_or_else(|error| panic!("{:?}: {}", target.0, error.chain()));
        assert_eq!(server.requests().len(), 2, "{:?}", target.0);
        assert!(clock.slept.lock().unwrap().iter().all(Duration::is_zero));
    }
}

#[test]
fn excess_bytes_in_a_response_do_not_affect_the_next_request() {
    for target in ALL {
        let server = holding();
        let opened = builder(&server, ",retry_max_attempts=1").open().unwrap();
        server.fault(Match::operation(Operation::ListObjectsV2), Fault::Overlong(50));
        opened.store().list_page("blobs/", &ListOptions::default()).unwrap();
        (target.1)(&opened).unwrap_or_else(|error| panic!("{:?}: {}", target.0, error.chain()));
    }
}

#[test]
fn a_refused_connection_is_retried_and_a_failed_tls_handshake_is_not() {
    let server = holding();
    let with = |endpoint: &str| {
        let mut options = cache(&server, "").options().to_builder();
        options.location.endpoint = Some(endpoint.parse().unwrap());
        let clock = Arc::new(TestClock::default());
        let keys = server.credentials();
        let secret = s3_build_cache::credentials::Secret::from(keys.secret_access_key);
        let provider = s3_build_cache::credentials::StaticCredentials::new(&keys.access_key_id, &secret, None);
        S3Cache::builder(&options.build().unwrap()).credentials(Arc::new(provider)).clock(clock).open().unwrap()
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = with(&format!("http://{free}"));
    told(
        &refused.store().list_page("", &ListOptions::default()).unwrap_err(),
        ErrorKind::Network,
        &["after 3 attempts", "nothing listens"],
    );
    let plain = Loopback::serving(1, |mut stream| {
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let tls = with(&format!("https://{}", plain.address));
    told(
        &tls.store().list_page("", &ListOptions::default()).unwrap_err(),
        ErrorKind::Network,
        &["plain HTTP", "http://"],
    );
    assert_eq!(tls.requests(), 1);
    drop(tls);
    plain.join();
}
