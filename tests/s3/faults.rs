//! Faults of the network and the server, despite which the result is correct.

use std::fs;
use std::time::Duration;

use crate::s3::{cache, export};
use crate::s3_server::{At, Failure, Fault, Match, Operation, Server, Then};

/// Asserts that the export is correct, the fault occurred, and no request broke a rule.
#[track_caller]
fn survives(matching: Match, fault: Fault) {
    let server = Server::start();
    let case = format!("{matching:?} {fault:?}");
    server.fault(matching, fault);
    export(&cache(&server, ""), "max").unwrap_or_else(|error| panic!("{case}: {}", error.chain()));
    assert_eq!(server.pending_faults(), 0, "{case}");
    assert_eq!(
        server.object("manifests/buildkit").unwrap(),
        fs::read("tests/fixtures/max/s3-manifest.json").unwrap(),
        "{case}"
    );
    assert_eq!(server.keys().len(), 11, "{case}");
    assert!(server.requests().iter().all(|request| request.refused.is_none()), "{case}");
}

/// As after a load balancer's failover: idle connections are dead, new ones work.
#[test]
fn a_pool_of_dead_connections_costs_one_failed_request() {
    let server = Server::start();
    server.fault(Match::any().always(), Fault::ResetNext);
    export(&cache(&server, ",retry_max_attempts=1"), "max").unwrap_or_else(|error| panic!("{}", error.chain()));
    assert_eq!(server.object("manifests/buildkit").unwrap(), fs::read("tests/fixtures/max/s3-manifest.json").unwrap());
}

/// The missing part of the response would have said what does not exist: it may be the bucket.
#[test]
fn a_truncated_404_is_not_a_cache_miss() {
    let server = Server::start();
    export(&cache(&server, ""), "min").unwrap();
    let broken = |key: &str| {
        let failure = Failure::new(404, "NoSuchBucket", "The specified bucket does not exist");
        let matching = || Match::operation(Operation::GetObject).key(key);
        server.fault(matching(), Fault::Reply(failure));
        server.fault(matching(), Fault::Truncate(30));
    };
    broken("manifests/");
    let config = cache(&server, "").load().unwrap().expect("the second answer has it");
    let blob = config.layers()[0].blob;
    broken(&blob.hex());
    assert!(cache(&server, "").open_blob(&blob).unwrap().is_some());
    assert_eq!(server.pending_faults(), 0);
}

#[test]
fn an_export_survives_transient_failures() {
    let put = || Match::operation(Operation::PutObject);
    let list = || Match::operation(Operation::ListObjectsV2);
    let manifest = || put().key("manifests/");
    let targets: [&dyn Fn() -> Match; 3] = [&put, &list, &manifest];
    for operation in targets {
        for fault in [
            Fault::slow_down(),
            Fault::too_many_requests(),
            Fault::internal_error(),
            Fault::Reset(At::Head),
            Fault::Reset(At::Done),
            Fault::EmptyReply,
            Fault::CloseAfter,
            Fault::ResetNext,
            Fault::Delay(Duration::from_millis(30)),
            Fault::huge_error(1 << 20),
            Fault::Interim("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"),
        ] {
            survives(operation(), fault);
        }
    }
    survives(put(), Fault::Reset(At::RequestBody(10)));
    survives(put(), Fault::early_slow_down(Then::Reset));
    survives(put(), Fault::early_slow_down(Then::Drain));
    survives(put(), Fault::ReplyAfter(Failure::new(500, "InternalError", "oops")));
    survives(list(), Fault::error_in_200());
    survives(list(), Fault::Truncate(20));
}
