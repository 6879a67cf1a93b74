//! Several manifests, some of which are unavailable or contradict the others.

use std::sync::Arc;

use s3_build_cache::report::Imported;
use s3_build_cache::{ErrorKind, ExportOptions, ImportOutcome};

use crate::s3::blobs::Blobs;
use crate::s3::resilience::{Warnings, holding, import, refusal};
use crate::s3::{builder, cache};
use crate::s3_server::{At, Fault, Match, Operation, Server};

fn manifest(name: &str) -> Match {
    Match::operation(Operation::GetObject).key(&format!("manifests/{name}"))
}

/// Returns the manifest of a single layer of `blobs`, with another size or none.
fn alone(blobs: &Blobs, size: Option<u64>) -> Vec<u8> {
    let digest = blobs.bytes.keys().min().unwrap();
    let size = size.map_or_else(String::new, |size| format!(r#","size":{size}"#));
    format!(
        r#"{{"layers":[{{"blob":"{digest}","parent":-1,"annotations":{{"mediaType":"application/vnd.oci.image.layer.v1.tar","diffID":"{digest}"{size}}}}}],"records":[{{"layers":[{{"layer":0,"createdAt":"0001-01-01T00:00:00Z"}}],"digest":"sha256:1"}}]}}"#
    )
    .into_bytes()
}

#[test]
fn the_manifest_with_the_actual_blob_size_wins() {
    let blobs = Blobs::of(&[100, 200, 300]);
    for size in [None, Some(0), Some(7)] {
        for names in ["a;b", "b;a", "a;c;b", "c;b;a", "a;d;b"] {
            let server = holding(&blobs);
            server.put_object("manifests/a", &alone(&blobs, size));
            server.put_object("manifests/b", &blobs.config.to_s3_json());
            server.put_object("manifests/c", &alone(&blobs, Some(8)));
            // Wrong in the same way as the first, so the two are the majority.
            server.put_object("manifests/d", &alone(&blobs, size));
            let (case, work) = (format!("{size:?} {names}"), tempfile::tempdir().unwrap());
            let opened = cache(&server, &format!(",name={names}"));
            assert_eq!(opened.load().unwrap().unwrap(), blobs.config, "{case}");
            let Imported { report, outcome, .. } = import(&[opened], work.path(), false);
            assert!(matches!(outcome, Ok(ImportOutcome::Restored(_))), "{case}: {outcome:?}");
            assert_eq!((report.names, report.layers, report.blobs.missing), (vec!["b".to_owned()], 3, 0), "{case}");

            let sources: Vec<_> = names.split(';').map(|name| cache(&server, &format!(",name={name}"))).collect();
            let work = tempfile::tempdir().unwrap();
            assert_eq!(import(&sources, work.path(), false).report.layers, 3, "{case}");
            assert_eq!(
                import(&sources, &work.path().join("x"), true).outcome.unwrap_err().kind(),
                ErrorKind::Conflict,
                "{case}"
            );
        }
    }
}

#[test]
fn a_size_of_zero_never_wins_if_the_store_cannot_decide() {
    let blobs = Blobs::of(&[100, 200]);
    for fault in [refusal(403, "AccessDenied"), refusal(501, "NotImplemented"), refusal(404, "")] {
        let server = holding(&blobs);
        server.put_object("manifests/a", &alone(&blobs, None));
        server.put_object("manifests/b", &blobs.config.to_s3_json());
        server.fault(Match::operation(Operation::HeadObject).always(), fault.clone());
        let opened = cache(&server, ",name=a;b");
        assert_eq!(opened.load().unwrap().unwrap(), blobs.config, "{fault:?}");
    }
}

#[test]
fn an_unavailable_manifest_is_skipped_if_another_is_valid() {
    let blobs = Blobs::of(&[100, 200]);
    for fault in [
        Fault::Reset(At::Head),
        Fault::EmptyReply,
        Fault::Html(200),
        Fault::Html(404),
        refusal(301, "PermanentRedirect"),
        refusal(400, "InvalidRequest"),
        refusal(405, "MethodNotAllowed"),
        refusal(410, "Gone"),
        refusal(412, "PreconditionFailed"),
        refusal(413, "EntityTooLarge"),
        refusal(501, "NotImplemented"),
    ] {
        for names in ["bad;good", "good;bad"] {
            let server = holding(&blobs);
            server.put_object("manifests/good", &blobs.config.to_s3_json());
            server.fault(manifest("bad").always(), fault.clone());
            let (case, work) = (format!("{fault:?} {names}"), tempfile::tempdir().unwrap());
            let warnings = Arc::new(Warnings::default());
            let opened = builder(&server, &format!(",name={names}")).progress(warnings.clone()).open().unwrap();
            let Imported { report, outcome, .. } = import(&[opened], work.path(), false);
            assert!(matches!(outcome, Ok(ImportOutcome::Restored(_))), "{case}: {outcome:?}");
            assert_eq!(report.names, ["good"], "{case}");
            let warnings = warnings.0.lock().unwrap();
            assert!(warnings.len() == 1 && warnings[0].starts_with("skipping a manifest: "), "{case}: {warnings:?}");
            let opened = || cache(&server, &format!(",name={names}"));
            import(&[opened()], &work.path().join("x"), true).outcome.unwrap_err();
            import(&[cache(&server, ",name=bad;absent")], &work.path().join("x"), false).outcome.unwrap_err();
        }
    }
}

#[test]
fn a_refusal_that_affects_all_manifests_is_an_error() {
    let blobs = Blobs::of(&[100]);
    for (fault, kind) in [
        (refusal(403, "AccessDenied"), ErrorKind::Access),
        (refusal(401, "Unauthorized"), ErrorKind::Access),
        (refusal(404, "NoSuchBucket"), ErrorKind::NoSuchBucket),
    ] {
        let server = holding(&blobs);
        server.put_object("manifests/good", &blobs.config.to_s3_json());
        server.fault(manifest("bad").always(), fault);
        let work = tempfile::tempdir().unwrap();
        let imported = import(&[cache(&server, ",name=bad;good")], work.path(), false);
        assert_eq!(imported.outcome.unwrap_err().kind(), kind);
    }
}

#[test]
fn at_most_twenty_skipped_manifests_are_named() {
    let blobs = Blobs::of(&[100, 200]);
    let server = Server::start();
    blobs.put_into(&server);
    let names: Vec<String> = (0..50).map(|at| format!("n{at}")).collect();
    for (at, name) in names.iter().enumerate() {
        let damaged = if at % 2 == 0 { b"{".to_vec() } else { alone(&blobs, Some(5)) };
        server.put_object(&format!("manifests/{name}"), &damaged);
    }
    let (work, warnings) = (tempfile::tempdir().unwrap(), Arc::new(Warnings::default()));
    let more = format!(",name=buildkit;{}", names.join(";"));
    let opened = builder(&server, &more).progress(warnings.clone()).open().unwrap();
    assert_eq!(import(&[opened], work.path(), false).report.layers, 2);
    let warnings = warnings.0.lock().unwrap();
    assert_eq!(warnings.len(), 42, "{warnings:?}");
    assert_eq!(warnings[20], "5 more manifests were skipped");
    assert_eq!(warnings[41], "5 more manifests that contradict the others were skipped");
}

#[test]
fn a_manifest_is_read_despite_repeated_resets() {
    let blobs = Blobs::of(&[100]);
    for fault in [Fault::Reset(At::Head), Fault::EmptyReply, Fault::Reset(At::Done)] {
        let server = holding(&blobs);
        server.fault(manifest("").times(5), fault.clone());
        let loaded = cache(&server, "").load().unwrap_or_else(|error| panic!("{fault:?}: {}", error.chain()));
        assert_eq!(loaded.unwrap(), blobs.config, "{fault:?}");
    }
}

#[test]
fn an_unreachable_server_is_abandoned_quickly() {
    let opened = cache(&Server::start(), "");
    // The server has stopped, so nothing listens on its port.
    assert_eq!(opened.load().unwrap_err().kind(), ErrorKind::Network);
    assert_eq!(opened.requests(), 3);
    let blobs = Blobs::of(&[100]);
    opened.export_config(&blobs.config, &blobs, &ExportOptions::new()).unwrap_err();
    assert_eq!(opened.requests(), 6);
}
