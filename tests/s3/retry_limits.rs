//! How long retries pause, how many there are, and what ends them.

use std::sync::Arc;
use std::time::Duration;

use s3_build_cache::object::ListOptions;
use s3_build_cache::time::Clock;
use s3_build_cache::{Cancel, ErrorKind};

use crate::s3::errors::told;
use crate::s3::retries::holding;
use crate::s3::{TestClock, builder, cache};
use crate::s3_server::{Fault, Match, Operation, Server};

fn slept(server: &Server, more: &str, fault: Fault) -> Vec<Duration> {
    let clock = Arc::new(TestClock::default());
    let opened = builder(server, more).clock(clock.clone()).open().unwrap();
    server.fault(Match::any(), fault);
    opened.store().list_page("", &ListOptions::default()).unwrap();
    clock.slept.lock().unwrap().clone()
}

#[test]
fn the_server_can_set_the_retry_delay() {
    let seconds = Duration::from_secs;
    for (header, value, least, most) in [
        ("retry-after", "20", seconds(20), seconds(20)),
        ("retry-after", "600", seconds(30), seconds(30)),
        ("retry-after", "0", seconds(0), seconds(2)),
        ("retry-after", "soon", seconds(0), seconds(2)),
        ("x-amz-retry-after", "3000", seconds(3), seconds(3)),
        ("x-amz-retry-after", "600000", seconds(5), seconds(7)),
    ] {
        let slept = slept(&holding(), "", Fault::slow_down_for(header, value));
        assert_eq!(slept.len(), 1, "{header} {value}");
        assert!((least..=most).contains(&slept[0]), "{header} {value}: {slept:?}");
    }
}

#[test]
fn retry_max_attempts_includes_the_first_attempt() {
    for attempts in [1, 2, 6] {
        let server = holding();
        server.fault(Match::any().always(), Fault::internal_error());
        let error = cache(&server, &format!(",retry_max_attempts={attempts}"))
            .store()
            .list_page("", &ListOptions::default())
            .unwrap_err();
        assert_eq!(server.requests().len(), attempts);
        if attempts > 1 {
            assert!(error.to_string().contains(&format!("after {attempts} attempts")), "{error}");
        }
    }
}

/// 500 tokens pay for 100 retries, so a server that fails every request does not receive each one three times.
#[test]
fn retries_stop_after_too_many_failures() {
    let server = holding();
    server.fault(Match::any().always(), Fault::internal_error());
    let opened = cache(&server, "");
    for _ in 0..50 {
        opened.store().list_page("", &ListOptions::default()).unwrap_err();
    }
    assert_eq!(server.take_requests().len(), 150);
    let error = opened.store().list_page("", &ListOptions::default()).unwrap_err();
    told(&error, ErrorKind::Store, &["InternalError", "too many requests have failed"]);
    assert_eq!(server.take_requests().len(), 1);
    // Five successes pay for one retry.
    server.clear_faults();
    for _ in 0..5 {
        opened.store().list_page("", &ListOptions::default()).unwrap();
    }
    server.take_requests();
    server.fault(Match::any(), Fault::internal_error());
    opened.store().list_page("", &ListOptions::default()).unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn adaptive_mode_limits_the_rate_after_throttling() {
    let pauses = |mode: &str| {
        let server = holding();
        let clock = Arc::new(TestClock::default());
        let opened = builder(&server, &format!(",retry_mode={mode}")).clock(clock.clone()).open().unwrap();
        opened.store().list_page("", &ListOptions::default()).unwrap();
        assert!(clock.slept.lock().unwrap().is_empty(), "{mode}");
        server.fault(Match::any(), Fault::slow_down());
        for _ in 0..5 {
            opened.store().list_page("", &ListOptions::default()).unwrap();
        }
        assert_eq!(server.requests().len(), 7, "{mode}");
        clock.slept.lock().unwrap().len()
    };
    assert_eq!(pauses("standard"), 1);
    assert!(pauses("adaptive") >= 3);
}

/// Cancels instead of sleeping.
struct Impatient(Cancel);

impl Clock for Impatient {
    fn now(&self) -> std::time::SystemTime {
        std::time::SystemTime::now()
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration, _: &Cancel) {
        self.0.cancel();
    }
}

#[test]
fn a_pause_can_be_cancelled() {
    for mode in ["standard", "adaptive"] {
        let server = holding();
        server.fault(Match::any().always(), Fault::slow_down());
        let cancel = Cancel::new();
        let clock = Arc::new(Impatient(cancel.clone()));
        let opened = builder(&server, &format!(",retry_mode={mode}")).clock(clock).cancel(cancel).open().unwrap();
        assert_eq!(opened.store().list_page("", &ListOptions::default()).unwrap_err().kind(), ErrorKind::Cancelled);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_deletion_that_is_never_repeated_is_one_attempt_and_takes_no_tokens() {
    let server = Server::start();
    let opened = cache(&server, "");
    server.fault(Match::operation(Operation::DeleteObject).always(), Fault::internal_error());
    // So many retries would use up all tokens.
    for _ in 0..100 {
        let error = opened.store().delete_once("x", None).unwrap_err();
        assert!(!error.to_string().contains("attempts"), "{error}");
    }
    assert_eq!(server.take_requests().len(), 100);
    server.fault(Match::operation(Operation::ListObjectsV2), Fault::internal_error());
    opened.store().list_page("", &ListOptions::default()).unwrap();
    assert_eq!(server.take_requests().len(), 2);
    // The response names the right region, but the request is sent only once.
    server.clear_faults();
    server.fault(Match::operation(Operation::DeleteObject), Fault::wrong_region("eu-west-3"));
    let error = opened.store().delete_once("x", None).unwrap_err();
    assert!(!error.to_string().contains("attempts"), "{error}");
    assert_eq!(server.requests().len(), 1);
}
