//! Pushes to stores that fail, and servers that stop.

use std::time::{Duration, Instant};

use s3_build_cache::Digest;

use crate::s3::cache;
use crate::s3_server::{Failure, Fault, Match, Operation, Server};
use crate::serve::client::{Answer, Client};
use crate::serve::push::pusher::{Cache, at, push_blob, put, put_part, put_patiently, start};
use crate::serve::push::{noise, serving, tuned};

#[test]
fn a_store_that_fails_now_and_then_does_not_matter() {
    let server = Server::start();
    for fault in [Fault::internal_error(), Fault::slow_down(), Fault::EmptyReply] {
        server.fault(Match::any().one_in(9), fault);
    }
    let serving = serving(tuned(&server, ",name=app,exact=true", |_| {}));
    let mut client = Client::new(serving.address);
    let pushed = Cache::fixture("max");
    pushed.push(&mut client, "export", "latest");
    for size in [1 << 20, 12 << 20] {
        push_blob(&mut client, "export", &noise(size));
    }
    server.clear_faults();
    let expected = std::fs::read("tests/fixtures/max/s3-manifest.json").unwrap();
    assert_eq!(server.object("manifests/app"), Some(expected));
    assert!(server.uploads().is_empty());
}

#[test]
fn a_store_that_denies_a_blob_ends_the_push_and_the_request_can_be_repeated() {
    let server = Server::start();
    let serving = serving(tuned(&server, "", |_| {}));
    let mut client = Client::new(serving.address);
    for (size, operation) in [(1000, Operation::PutObject), (30 << 20, Operation::UploadPart)] {
        let blob = noise(size);
        let (location, digest) = (start(&mut client, "export"), Digest::of(&blob));
        server.fault(Match::operation(operation).always(), Fault::early_denied(crate::s3_server::Then::Drain));
        let answer = put_patiently(serving.address, &at(&location, &digest), &blob);
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        server.clear_faults();
        assert!(server.keys().iter().all(|key| !key.contains(&digest.hex())));
        assert_eq!(put(&mut client, &location, &digest, &blob).status, 201);
        assert_eq!(server.object(&format!("blobs/{digest}")), Some(blob));
    }
    drop(serving);
    assert!(server.uploads().is_empty());
}

/// Clients show the message of a refused write, and repeat only what may succeed.
#[test]
fn every_write_that_the_store_denies_is_denied_with_the_reason() {
    let server = Server::start();
    let serving = serving(tuned(&server, ",name=app", |_| {}));
    let mut client = Client::new(serving.address);
    let pushed = Cache::fixture("min");
    let first = pushed.layers[0];
    push_blob(&mut client, "export", &pushed.config);
    for layer in &pushed.layers {
        push_blob(&mut client, "export", &pushed.layer(layer));
    }
    let denied = Fault::Reply(Failure::new(403, "AccessDenied", "Access Denied"));
    let denies = |operation| server.fault(Match::operation(operation).always(), denied.clone());
    let is_denied = |answer: Answer| {
        let text = answer.text();
        assert_eq!((answer.status, answer.code().as_str()), (403, "DENIED"), "{text}");
        assert!(text.contains("AccessDenied") && text.contains("(hint: ") && text.contains("s3:PutObject"), "{text}");
    };
    denies(Operation::PutObject);
    let blob = noise(1000);
    let digest = Digest::of(&blob);
    let location = start(&mut client, "export");
    is_denied(put(&mut client, &location, &digest, &blob));
    is_denied(client.send("POST", &at("/v2/export/blobs/uploads/", &digest), &[], &blob));
    assert_eq!(client.send("PATCH", &location, &[], &blob).status, 202);
    is_denied(put(&mut client, &location, &digest, b""));
    is_denied(pushed.put_manifest(&mut client, "export", "latest"));
    let failures = serving.summary().failures;
    assert_eq!(failures, 4);
    // A blob that cannot be looked up counts as absent, also for a mount: then the client learns the reason.
    denies(Operation::HeadObject);
    denies(Operation::GetObject);
    denies(Operation::ListObjects);
    assert_eq!(client.head(&format!("/v2/export/blobs/{first}")).status, 404);
    let mount = format!("/v2/export/blobs/uploads/?mount={first}&from=other");
    assert_eq!(client.send("POST", &mount, &[], b"").status, 202);
    let answer = pushed.put_manifest(&mut client, "export", "latest");
    assert_eq!((answer.status, answer.code().as_str()), (403, "DENIED"), "{}", answer.text());
}

#[test]
fn a_slow_store_gets_an_answer_in_time_and_the_repeated_request_joins() {
    let server = Server::start();
    let serving = serving(tuned(&server, "", |tuning| tuning.answer_within = Duration::from_millis(200)));
    let mut client = Client::new(serving.address);
    for (size, operation) in [(1000, Operation::PutObject), (12 << 20, Operation::CompleteMultipartUpload)] {
        let blob = noise(size);
        let (location, digest) = (start(&mut client, "export"), Digest::of(&blob));
        server.fault(Match::operation(operation), Fault::Delay(Duration::from_millis(1500)));
        server.take_requests();
        let began = Instant::now();
        let mut late = 0;
        while {
            let answer = put(&mut client, &location, &digest, &blob);
            assert!(matches!(answer.status, 201 | 503), "{}", answer.text());
            answer.status == 503
        } {
            late += 1;
            assert!(began.elapsed() < Duration::from_secs(30));
        }
        assert!(late > 0, "{size}");
        assert_eq!(server.object(&format!("blobs/{digest}")), Some(blob));
        let sent = server.requests().into_iter().filter(|request| request.operation == operation).count();
        assert_eq!(sent, 1, "{size}");
    }
}

#[test]
fn a_manifest_is_written_in_time_although_blobs_are_not_refreshed_yet() {
    let server = Server::start();
    let cache = tuned(&server, ",name=app", |tuning| {
        tuning.write_within = Duration::from_millis(300);
        tuning.answer_within = Duration::from_secs(20);
    });
    let serving = serving(cache);
    let mut client = Client::new(serving.address);
    let pushed = Cache::fixture("max");
    pushed.push(&mut client, "export", "latest");
    assert!(server.remove("manifests/app"));
    for layer in &pushed.layers {
        server.set_age(&format!("blobs/{layer}"), Duration::from_secs(3 * 24 * 3600));
    }
    server.fault(Match::operation(Operation::CopyObject).always(), Fault::Delay(Duration::from_secs(1)));
    let began = Instant::now();
    assert_eq!(pushed.push(&mut client, "export", "latest"), 0);
    assert!(server.object("manifests/app").is_some());
    let fresh = pushed
        .layers
        .iter()
        .filter(|layer| server.age(&format!("blobs/{layer}")).is_some_and(|age| age < Duration::from_secs(3600)));
    assert!(fresh.count() < pushed.layers.len() && began.elapsed() < Duration::from_secs(15));
    // What runs behind the answers ends before the server does.
    server.clear_faults();
    drop(serving);
    for layer in &pushed.layers {
        assert!(server.age(&format!("blobs/{layer}")).unwrap() < Duration::from_secs(3600), "{layer}");
    }
}

#[test]
fn a_server_that_stops_leaves_no_half_of_a_blob() {
    let server = Server::start();
    let serving = serving(tuned(&server, "", |_| {}));
    let mut client = Client::new(serving.address);
    let blob = noise(30 << 20);
    let location = start(&mut client, "export");
    let (address, path) = (serving.address, at(&location, &Digest::of(&blob)));
    let sending = std::thread::spawn(move || put_part(address, &path, 30 << 20, &blob[..20 << 20]));
    while server.uploads().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(serving);
    sending.join().unwrap();
    assert!(server.keys().is_empty() && server.uploads().is_empty());
}

#[test]
fn a_store_that_vanishes_is_reported_and_the_server_stays() {
    let server = Server::start();
    let serving = serving(tuned(&server, ",name=app", |_| {}));
    let mut client = Client::new(serving.address);
    let pushed = Cache::fixture("min");
    push_blob(&mut client, "export", &pushed.config);
    drop(server);
    let blob = noise(1000);
    let digest = Digest::of(&blob);
    assert_eq!(client.head(&format!("/v2/export/blobs/{digest}")).status, 503);
    let location = start(&mut client, "export");
    for size in [1000, 12 << 20] {
        let blob = noise(size);
        let answer = put_patiently(serving.address, &at(&location, &Digest::of(&blob)), &blob);
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    }
    let mut client = Client::new(serving.address);
    let answer = pushed.put_manifest(&mut client, "export", "latest");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(client.get("/v2/").status, 200);
}

#[test]
fn many_clients_push_many_blobs() {
    let server = Server::start();
    let serving = serving(cache(&server, ""));
    let blobs: Vec<Vec<u8>> = (0..2000_u32).map(|at| [&at.to_be_bytes()[..], &[0x80; 200]].concat()).collect();
    let address = serving.address;
    std::thread::scope(|scope| {
        for own in blobs.chunks(500) {
            let (blobs, own) = (&blobs, own);
            scope.spawn(move || {
                let mut client = Client::new(address);
                for blob in own {
                    push_blob(&mut client, "export", blob);
                }
                // Every client also pushes the same blobs.
                for blob in &blobs[..20] {
                    push_blob(&mut client, "export", blob);
                }
            });
        }
    });
    assert_eq!(server.keys().len(), 2000);
    assert!(blobs.iter().all(|blob| server.object(&format!("blobs/{}", Digest::of(blob))).as_ref() == Some(blob)));
}

#[test]
fn a_blob_that_vanishes_after_its_touch_is_left_out_and_asked_for_again() {
    let server = Server::start();
    let serving = serving(cache(&server, ",name=app"));
    let mut client = Client::new(serving.address);
    let pushed = Cache::fixture("max");
    pushed.push(&mut client, "export", "latest");
    let lost = format!("blobs/{}", pushed.layers[0]);
    server.set_age(&lost, Duration::from_secs(3 * 24 * 3600));
    assert_eq!(client.head(&format!("/v2/export/{lost}")).status, 200);
    server.remove(&lost);
    let answer = pushed.put_manifest(&mut client, "export", "latest");
    assert_eq!((answer.status, answer.code()), (400, "MANIFEST_BLOB_UNKNOWN".to_owned()));
    assert!(answer.text().contains(&pushed.layers[0].to_string()));
    assert_eq!(pushed.push(&mut client, "export", "latest"), 1);
}
