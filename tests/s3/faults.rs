//! What the network and the server do wrong, and that the result is right all the same.

use std::fs;
use std::time::Duration;

use crate::s3::{cache, export};
use crate::s3_server::{At, Fault, Match, Operation, Server, Then};

/// The export is right, the fault struck, and no request broke a rule.
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

#[test]
fn an_export_survives_what_passes() {
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
        ] {
            survives(operation(), fault);
        }
    }
    survives(put(), Fault::Reset(At::RequestBody(10)));
    survives(put(), Fault::early_slow_down(Then::Reset));
    survives(put(), Fault::early_slow_down(Then::Drain));
    survives(put(), Fault::ReplyAfter(crate::s3_server::Failure::new(500, "InternalError", "oops")));
    survives(list(), Fault::error_in_200());
    survives(list(), Fault::Truncate(20));
}
