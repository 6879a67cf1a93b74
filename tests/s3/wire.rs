//! The requests on the wire, and their number.

use std::fs;
use std::time::Duration;

use s3_build_cache::env::MapEnv;
use s3_build_cache::{ErrorKind, ExportOptions, S3Cache};

use crate::s3::blobs::{self, Blobs, PART};
use crate::s3::{cache, export};
use crate::s3_server::{At, Config, Credentials, Failure, Fault, Match, Operation, Recorded, Server};
use crate::stub::Stub;

fn manifest(name: &str) -> Vec<u8> {
    fs::read(format!("tests/fixtures/{name}")).unwrap()
}

#[test]
fn an_export_lists_puts_each_blob_and_then_the_manifests() {
    let server = Server::start();
    let report = export(&cache(&server, ",name=app;main"), "max").unwrap();
    assert_eq!((report.layers, report.blobs.total, report.blobs.transferred), (11, 10, 10));
    let requests = server.take_requests();
    assert_eq!(report.requests, requests.len() as u64);
    let operations: Vec<Operation> = requests.iter().map(|request| request.operation).collect();
    assert_eq!(operations[0], Operation::ListObjectsV2);
    assert_eq!(operations[1..], [Operation::PutObject; 12]);
    assert!(requests[11].path.ends_with("/manifests/app") && requests[12].path.ends_with("/manifests/main"));
    assert_eq!(server.object("manifests/app").unwrap(), manifest("max/s3-manifest.json"));
    assert_eq!(server.object("manifests/main").unwrap(), manifest("max/s3-manifest-branch-main.json"));

    let again = export(&cache(&server, ",name=app;main"), "max").unwrap();
    assert_eq!((again.blobs.transferred, again.blobs.present, again.bytes, again.requests), (0, 10, 0, 3));
}

#[test]
fn every_request_satisfies_the_strictest_store() {
    let server = Server::start();
    let opened = cache(&server, ",storage_class=STANDARD_IA,server_side_encryption=AES256");
    export(&opened, "max").unwrap();
    for key in server.keys() {
        server.set_age(&key, Duration::from_secs(100_000));
    }
    assert_eq!(export(&opened, "max").unwrap().blobs.touched, 10);
    opened.load().unwrap().unwrap();
    for request in server.requests() {
        assert_eq!(request.refused, None, "{request:?}");
        for header in ["x-amz-checksum-crc32", "x-amz-sdk-checksum-algorithm", "x-amz-trailer", "transfer-encoding"] {
            assert_eq!(request.header(header), None, "{request:?}");
        }
        assert_eq!(request.header("accept-encoding"), Some("identity"));
    }
}

/// Two layers share a blob, and gateways drop a metadata header.
#[test]
fn buildkit_3444_the_touch_header_has_no_underscore_and_keeps_storage_class_and_encryption() {
    let server = Server::start();
    let more = ",storage_class=STANDARD_IA,server_side_encryption=aws:kms,sse_kms_key_id=key";
    export(&cache(&server, more), "min").unwrap();
    let old: Vec<String> = server.keys().into_iter().filter(|key| key.starts_with("blobs/")).collect();
    for key in &old {
        server.set_age(key, Duration::from_secs(25 * 3600));
    }
    server.take_requests();
    let report = export(&cache(&server, more), "min").unwrap();
    assert_eq!((report.blobs.present, report.blobs.touched, report.blobs.transferred), (3, 3, 0));
    for key in &old {
        assert!(server.age(key).unwrap() < Duration::from_secs(60), "{key}");
        let headers = server.object_headers(key).unwrap();
        let has = |name: &str, value: &str| headers.iter().any(|(n, v)| n == name && v == value);
        assert!(has("x-amz-storage-class", "STANDARD_IA"), "{headers:?}");
        assert!(has("x-amz-server-side-encryption", "aws:kms"), "{headers:?}");
        assert!(has("content-type", "application/octet-stream"), "{headers:?}");
    }
    for request in server.requests() {
        assert!(request.headers.iter().all(|(name, _)| !name.contains('_')), "{request:?}");
    }
}

#[test]
fn recent_objects_are_not_touched() {
    let server = Server::start();
    export(&cache(&server, ""), "min").unwrap();
    for key in server.keys() {
        server.set_age(&key, Duration::from_secs(23 * 3600));
    }
    assert_eq!(export(&cache(&server, ""), "min").unwrap().blobs.touched, 0);
    assert_eq!(export(&cache(&server, ",touch_refresh=1h"), "min").unwrap().blobs.touched, 3);
}

/// The age is the server's time minus the server's time stamp, so the local clock does not matter.
#[test]
fn a_wrong_local_clock_does_not_age_blobs() {
    let server = Server::with(Config { clock_ahead: 800, ..Config::default() });
    export(&cache(&server, ",touch_refresh=10m"), "min").unwrap();
    let report = export(&cache(&server, ",touch_refresh=10m"), "min").unwrap();
    assert_eq!((report.blobs.present, report.blobs.touched), (3, 0));
}

#[test]
fn a_blob_with_the_wrong_size_is_uploaded_again() {
    let server = Server::start();
    export(&cache(&server, ""), "min").unwrap();
    let blob = server.keys().into_iter().find(|key| key.starts_with("blobs/")).unwrap();
    let good = server.object(&blob).unwrap();
    server.put_object(&blob, b"short");
    assert_eq!(export(&cache(&server, ""), "min").unwrap().blobs.transferred, 1);
    assert_eq!(server.object(&blob).unwrap(), good);
}

#[test]
fn an_archived_blob_is_uploaded_again_and_counts_as_missing_on_import() {
    // Many blobs are all listed. Of a few, the first is listed and the others are looked up one by one.
    for blobs in [Blobs::of(&[10, 20, 30]), Blobs::of(&[10, 20, 30, 40, 50])] {
        for (digest, _) in blobs.config.blobs() {
            let server = Server::start();
            let opened = cache(&server, "");
            let export = || opened.export_config(&blobs.config, &blobs, &ExportOptions::new()).unwrap();
            export();
            let key = format!("blobs/{digest}");
            let bytes = server.object(&key).unwrap();
            server.put_object_with(&key, &bytes, &[("x-amz-storage-class", "GLACIER")]);
            assert!(opened.open_blob(&digest).unwrap().is_none());
            assert_eq!(export().blobs.transferred, 1);
            assert!(opened.open_blob(&digest).unwrap().is_some());
        }
    }
}

/// As in the archive tiers of INTELLIGENT_TIERING.
#[test]
fn a_blob_that_turns_out_to_be_archived_is_uploaded_again() {
    let server = Server::start();
    export(&cache(&server, ""), "min").unwrap();
    for key in server.keys() {
        server.set_age(&key, Duration::from_secs(100_000));
    }
    let refusal = Failure::new(403, "InvalidObjectState", "The operation is not valid for the object's access tier");
    server.fault(Match::operation(Operation::CopyObject), Fault::Reply(refusal));
    let blobs = export(&cache(&server, ""), "min").unwrap().blobs;
    assert_eq!((blobs.transferred, blobs.touched), (1, 2));
}

#[test]
fn a_restored_blob_counts_as_present() {
    let restored = ("x-amz-restore", "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2035 00:00:00 GMT\"");
    for blobs in [Blobs::of(&[10]), Blobs::of(&[10, 20, 30, 40, 50])] {
        let server = Server::start();
        let opened = cache(&server, "");
        let export = || opened.export_config(&blobs.config, &blobs, &ExportOptions::new()).unwrap();
        export();
        for key in server.keys().into_iter().filter(|key| key.starts_with("blobs/")) {
            let bytes = server.object(&key).unwrap();
            server.put_object_with(&key, &bytes, &[("x-amz-storage-class", "GLACIER"), restored]);
        }
        assert_eq!(export().blobs.transferred, 0);
    }
}

#[test]
fn each_blob_is_looked_up_if_the_store_cannot_list() {
    let refusals = [
        (501, "NotImplemented"),
        (405, "MethodNotAllowed"),
        (400, "InvalidArgument"),
        (404, "NoSuchKey"),
        (404, ""),
        (403, ""),
        (403, "AccessDenied"),
        (403, "MethodNotAllowed"),
        (410, "Gone"),
        (411, "MissingContentLength"),
        (412, "PreconditionFailed"),
        (500, "InternalError"),
        (503, "SlowDown"),
        (200, "InternalError"),
    ];
    let refusals = refusals.map(|(status, code)| Fault::Reply(Failure::new(status, code, "no listings")));
    let others = [
        Fault::Html(403),
        Fault::Html(404),
        Fault::EmptyBody,
        Fault::Corrupt(39),
        Fault::Truncate(20),
        Fault::Reset(At::Head),
        Fault::EmptyReply,
    ];
    for fault in refusals.into_iter().chain(others) {
        for blobs in [Blobs::of(&[10, 20]), Blobs::of(&[10, 20, 30, 40, 50]), Blobs::of(&[])] {
            let server = Server::start();
            server.fault(Match::operation(Operation::ListObjectsV2).always(), fault.clone());
            let export = || {
                let done = cache(&server, "").export_config(&blobs.config, &blobs, &ExportOptions::new());
                done.unwrap_or_else(|error| panic!("{fault:?}: {}", error.chain()))
            };
            assert_eq!(export().blobs.transferred, blobs.bytes.len());
            server.take_requests();
            assert_eq!(export().blobs.present, blobs.bytes.len());
            let listings = |request: &&Recorded| request.operation == Operation::ListObjectsV2;
            let listings = server.requests().iter().filter(listings).count();
            assert!(listings <= 3, "{fault:?}: {listings}");
        }
    }
}

/// A store whose listing is incomplete without a continuation token, or invalid.
#[test]
fn an_incomplete_listing_is_completed_by_single_look_ups() {
    let blobs = Blobs::of(&[10, 20, 30, 40, 50, 60]);
    let mut keys: Vec<String> = blobs.bytes.keys().map(|digest| format!("blobs/{digest}")).collect();
    keys.sort();
    let entry = |key: &String, size: &str| {
        format!("<Contents><Key>{key}</Key><LastModified>2035-01-01T00:00:00Z</LastModified>{size}</Contents>")
    };
    let size = |key: &String| {
        let size = blobs.bytes[&key["blobs/".len()..].parse().unwrap()].len();
        format!("<Size>{size}</Size>")
    };
    let two: String = keys.iter().take(2).map(|key| entry(key, &size(key))).collect();
    let unread: String = keys.iter().map(|key| entry(key, "<Size>many</Size>")).collect();
    for body in [
        format!("{two}<IsTruncated>true</IsTruncated>"),
        format!("{two}<IsTruncated>true</IsTruncated><NextContinuationToken/>"),
        format!("{two}<IsTruncated>True</IsTruncated><NextMarker>{}</NextMarker>", keys[1]),
        format!("{unread}<IsTruncated>false</IsTruncated>"),
    ] {
        let listing = format!("<ListBucketResult>{body}</ListBucketResult>");
        let held: Vec<(String, usize)> =
            keys.iter().map(|key| (key.clone(), blobs.bytes[&key[6..].parse().unwrap()].len())).collect();
        let answered = listing.clone();
        let stub = Stub::start(move |request| {
            if request.head.starts_with("GET ") {
                return (200, "content-type: application/xml\r\n".to_owned(), answered.clone());
            }
            let path = request.head.replace("%3A", ":");
            let size = held.iter().find(|(key, _)| path.contains(key.as_str())).map(|(_, size)| *size);
            match size {
                Some(size) if request.head.starts_with("HEAD ") => (200, String::new(), "x".repeat(size)),
                _ => (200, String::new(), String::new()),
            }
        });
        let options = format!(
            "type=s3,bucket=cache,region=us-east-1,endpoint_url={},access_key_id=AKIAEXAMPLE,secret_access_key=x",
            stub.url()
        );
        let opened = S3Cache::builder(&options.parse().unwrap()).env(MapEnv::default()).connections(1).open().unwrap();
        let report = opened.export_config(&blobs.config, &blobs, &ExportOptions::new()).unwrap();
        assert_eq!((report.blobs.present, report.blobs.transferred), (6, 0), "{listing}");
    }
}

#[test]
fn every_request_names_the_request_payer_and_the_bucket_owner() {
    let config = || Config { requester_pays: true, owner: "012345678901".to_owned(), ..blobs::config() };
    let server = Server::with(config());
    let (name, owner) = ("x-amz-request-payer", "x-amz-expected-bucket-owner");
    let opened = blobs::cut(&server, ",request_payer=requester,expected_bucket_owner=012345678901");
    let blobs = Blobs::of(&[3 * PART, 10, 20, 30, 40]);
    let export = || opened.export_config(&blobs.config, &blobs, &ExportOptions::new()).unwrap();
    assert_eq!(export().blobs.transferred, 5);
    for key in server.keys() {
        server.set_age(&key, Duration::from_secs(100_000));
    }
    assert_eq!(export().blobs.touched, 5);
    assert_eq!(opened.load().unwrap().unwrap(), blobs.config);
    opened.store().head("blobs/x").unwrap();
    opened.store().delete("blobs/x").unwrap();
    opened.store().probe().unwrap();
    let requests = server.requests();
    for request in &requests {
        assert_eq!((request.header(name), request.header(owner)), (Some("requester"), Some("012345678901")));
        let source = request.header("x-amz-source-expected-bucket-owner");
        assert_eq!(source.is_some(), request.header("x-amz-copy-source").is_some(), "{request:?}");
        assert_eq!(request.refused, None, "{request:?}");
    }
    assert!(requests.iter().any(|request| request.operation == Operation::CopyObject));
    for more in ["", ",request_payer=requester,expected_bucket_owner=111122223333"] {
        assert_eq!(cache(&server, more).load().unwrap_err().kind(), ErrorKind::Access, "{more}");
    }
}

#[test]
fn unusual_keys_survive_signing_listing_and_copying() {
    for (prefix, name) in
        [("a b/", "c d"), ("p+q/~=/", "x+y"), ("ü/名/", "v1.2~rc+1"), ("100%25/", "50%"), ("it's(1)!*/", "a&b?c#d")]
    {
        let server = Server::start();
        let more = format!(",prefix={prefix},name={name}");
        export(&cache(&server, &more), "max").unwrap();
        assert_eq!(server.object(&format!("{prefix}manifests/{name}")).unwrap(), manifest("max/s3-manifest.json"));
        for key in server.keys() {
            server.set_age(&key, Duration::from_secs(100_000));
        }
        let report = export(&cache(&server, &more), "max").unwrap();
        // Two listings, before the touches and after the manifest, and a look at the manifest.
        assert_eq!((report.blobs.present, report.blobs.touched, report.requests), (10, 10, 14), "{prefix}");
        assert!(cache(&server, &more).load().unwrap().is_some());
    }
}

/// Some stores claim that a listing is encoded when it is not.
#[test]
fn an_unencoded_listing_is_still_read() {
    let server = Server::with(Config { encodes_listings: false, ..Config::default() });
    export(&cache(&server, ",prefix=a+b/"), "max").unwrap();
    assert_eq!(export(&cache(&server, ",prefix=a+b/"), "max").unwrap().requests, 2);
}

#[test]
fn a_truncated_listing_is_completed_by_single_look_ups() {
    let server = Server::with(Config { page_size: 4, ..Config::default() });
    export(&cache(&server, ""), "max").unwrap();
    let report = export(&cache(&server, ""), "max").unwrap();
    // One page, a HEAD for each of the six blobs missing from it, and the manifest.
    assert_eq!((report.blobs.present, report.requests), (10, 8));
}

#[test]
fn buildkit_3065_the_session_token_is_sent_and_signed() {
    let credentials = Credentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: "secret".to_owned(),
        session_token: Some("IQoJb3//token+with/chars==".to_owned()),
    };
    let server = Server::with(Config { credentials, ..Config::default() });
    export(&cache(&server, ""), "min").unwrap();
    assert!(server.requests().iter().all(|request| request.refused.is_none()));
}

#[test]
fn base_paths_and_virtual_hosts_are_supported() {
    let server = Server::with(Config { base_path: "/base".to_owned(), ..Config::default() });
    export(&cache(&server, ""), "min").unwrap();
    assert!(server.requests().iter().all(|request| request.path.starts_with(&format!("/base/{}", server.bucket()))));
    let server = Server::with(Config { ipv6: true, ..Config::default() });
    assert!(server.endpoint().starts_with("http://["));
    export(&cache(&server, ""), "min").unwrap();
}

/// Pages in parallel take fewer round trips than single look-ups, and cost less if there are not too many of them.
#[test]
fn a_long_listing_is_read_in_parallel_from_where_the_blobs_are() {
    let server = Server::with(Config { page_size: 100, ..Config::default() });
    // Not the keys of blobs, but listed before all of them.
    for number in 0..150 {
        server.put_object(&format!("blobs/sha256:{number:064x}"), b"");
    }
    let blobs = Blobs::of(&(1..=120).collect::<Vec<usize>>());
    let export = || cache(&server, "").export_config(&blobs.config, &blobs, &ExportOptions::new()).unwrap();
    assert_eq!(export().blobs.transferred, 120);
    server.take_requests();
    let report = export();
    assert_eq!((report.blobs.present, report.blobs.transferred), (120, 0));
    let requests = server.take_requests();
    let count = |operation| requests.iter().filter(|request| request.operation == operation).count();
    let (pages, single) = (count(Operation::ListObjectsV2), count(Operation::HeadObject));
    assert!(pages <= 5 && single < 25, "{pages} pages, {single} look-ups");
}
