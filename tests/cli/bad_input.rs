//! Invalid input: the error names the cause and the fix, the exit status matches, and nothing is left half written.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Run, file_store, run, run_with};
use crate::fixture;
use crate::loopback::Loopback;
use crate::s3_server::{Failure, Fault, Match, Operation, Server};

const MANIFEST: &str = "blobs/sha256/b0ec433acc0d1e548dda3b19887818c148a96a65865eade78f0548ada0fc2750";

/// A copy of a fixture, and next to it a store that must not change.
struct Trial {
    work: tempfile::TempDir,
    source: PathBuf,
}

impl Trial {
    fn new() -> Self {
        let work = tempfile::tempdir().unwrap();
        let source = work.path().join("source");
        fixture::copy("max", &source);
        Self { work, source }
    }

    fn store(&self) -> String {
        file_store(&self.work.path().join("store"))
    }

    fn export(&self) -> Run {
        run(&["export", self.source.to_str().unwrap(), "--cache-to", &self.store()])
    }

    /// Checks that the export fails with this status and these words, and that nothing was written to the store.
    #[track_caller]
    fn export_fails(&self, status: i32, parts: &[&str]) {
        self.export().expect(status).says(parts).says(&["error: ", "hint: "]);
        assert!(!self.work.path().join("store").exists());
    }
}

#[test]
fn invalid_attributes_are_errors_with_a_hint() {
    for (attributes, parts) in [
        ("type=s3,bucket=trial,bukcet=x", &["bukcet", "did you mean bucket"][..]),
        ("type=s3,bucket=trial,mode=inline", &["mode=inline", "max or min"]),
        ("type=inline", &["only s3 and local"]),
        ("type=s3,bucket=..,endpoint_url=file:///tmp/never", &["bucket=..", "3 to 63"]),
        ("type=s3,bucket=trial,endpoint_url=file://relative", &["endpoint_url", "file:///absolute"]),
        ("type=s3,bucket=trial", &["region", "AWS_REGION"]),
        ("type=s3,region=eu-west-1", &["bucket", "AWS_BUCKET"]),
        ("type=s3,bucket=trial,compression=zstd", &["compression", "layers are copied unchanged"]),
        ("type=s3,bucket=trial,region=r,access_key_id=AK", &["secret_access_key", "both"]),
    ] {
        let run = run(&["export", "tests/fixtures/min/local", "--cache-to", attributes]);
        run.expect(2).says(parts).says(&["error: ", "hint: "]);
    }
    assert!(!Path::new("/tmp/never").exists());
}

/// As `docker run --env-file` passes them on.
#[test]
fn quotes_in_proxy_variables_are_reported() {
    let attributes = "type=s3,bucket=trial,endpoint_url=http://127.0.0.1:1";
    let keys = [("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "SK"), ("AWS_MAX_ATTEMPTS", "1")];
    let quoted = [("HTTP_PROXY", "\"http://u:MARKED@p:1\""), ("https_proxy", "'p:1'"), ("NO_PROXY", "\"a.com,b.com\"")];
    let import = ["import", "/no/such", "--cache-from", attributes];
    let run = run_with(&import, &[&keys[..], &quoted].concat()).expect(1);
    assert!(!run.stderr.contains("MARKED"), "{}", run.stderr);
    run.says(&[
        "warning: NO_PROXY has quotes around it: remove the quotes: `docker run --env-file` passes them on",
        "warning: ignoring HTTP_PROXY, which is not the URL of a proxy: remove the quotes",
        "warning: ignoring https_proxy, which is not the URL of a proxy: remove the quotes",
    ]);
}

#[test]
fn a_digest_for_the_target_of_an_import_is_a_warning() {
    let work = tempfile::tempdir().unwrap();
    let target = format!("type=local,dest={},digest=sha256:{}", work.path().join("x").display(), "0".repeat(64));
    let import = ["import", &target, "--cache-from", &file_store(&work.path().join("store"))];
    run(&import).expect(0).says(&["warning: digest has no effect", "latest"]);
}

#[test]
fn a_secret_with_a_comma_is_not_printed() {
    let attributes = "type=s3,bucket=trial,region=r,access_key_id=AK,secret_access_key=MARKED1,MARKED2,MARKED3=x";
    let run = run(&["export", "tests/fixtures/min/local", "--cache-to", attributes, "-vv", "--json"]).expect(2);
    assert!(!run.stderr.contains("MARKED") && !run.stdout.contains("MARKED"), "{}{}", run.stderr, run.stdout);
    run.says(&["quote"]);
}

#[test]
fn missing_credentials_exit_with_status_4() {
    let run = run(&["export", "tests/fixtures/min/local", "--cache-to", "type=s3,bucket=trial,region=eu-west-1"]);
    run.expect(4).says(&["no credentials", "AWS_ACCESS_KEY_ID"]);
}

#[test]
fn a_missing_directory_and_a_missing_tag_are_reported() {
    run(&["export", "/no/such/cache", "--cache-to", &file_store(Path::new("/tmp/never"))]).expect(1).says(&[
        "/no/such/cache",
        "No such file or directory",
        "--cache-to type=local",
    ]);
    let ignored = format!("{},ignore-error=true", file_store(Path::new("/tmp/never")));
    run(&["export", "/no/such/cache", "--cache-to", &ignored]).expect(0).says(&["warning: ", "/no/such/cache"]);
    let trial = Trial::new();
    let source = format!("type=local,src={},tag=nope", trial.source.display());
    run(&["export", &source, "--cache-to", &trial.store()]).expect(2).says(&["nope", "latest"]);
}

#[test]
fn an_index_that_is_not_a_regular_file_is_refused() {
    for kind in ["directory", "link", "pipe"] {
        let trial = Trial::new();
        let index = trial.source.join("index.json");
        fs::rename(&index, trial.source.join("moved")).unwrap();
        match kind {
            "directory" => fs::create_dir(&index).unwrap(),
            "link" => symlink("moved", &index).unwrap(),
            _ => assert!(std::process::Command::new("mkfifo").arg(&index).status().unwrap().success()),
        }
        trial.export_fails(1, &["index.json"]);
        // An import must not follow or replace it either.
        let good = Trial::new();
        good.export().expect(0);
        let import = ["import", trial.source.to_str().unwrap(), "--cache-from", &good.store()];
        run(&import).expect(1).says(&["index.json", "hint: "]);
        assert!(!trial.source.join(".s3-build-cache").exists());
    }
}

#[test]
fn a_symlink_in_place_of_the_blob_directory_is_refused() {
    let trial = Trial::new();
    let (blobs, elsewhere) = (trial.source.join("blobs/sha256"), trial.work.path().join("elsewhere"));
    fs::rename(&blobs, &elsewhere).unwrap();
    symlink(&elsewhere, &blobs).unwrap();
    trial.export_fails(1, &["blobs/sha256"]);
    let before = fs::read_dir(&elsewhere).unwrap().count();
    let good = tempfile::tempdir().unwrap();
    run(&["export", "tests/fixtures/two-tags/local", "--tag", "second", "--cache-to", &file_store(good.path())])
        .expect(0);
    let import = ["import", trial.source.to_str().unwrap(), "--cache-from", &file_store(good.path())];
    run(&import).expect(1).says(&["blobs/sha256"]);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), before);
}

#[test]
fn truncated_and_missing_blobs_are_named() {
    let trial = Trial::new();
    let name = "0706ae32fa69504750fc6885db782bef1d318511c48e8a1f360305fcc11f32e1";
    let blob = trial.source.join("blobs/sha256").join(name);
    fs::OpenOptions::new().write(true).open(&blob).unwrap().set_len(70_000).unwrap();
    trial.export_fails(5, &[name, "70000", "71147"]);
    fs::remove_file(&blob).unwrap();
    trial.export_fails(5, &[name, "missing"]);
}

#[test]
fn a_digest_that_is_a_path_is_refused() {
    let trial = Trial::new();
    let index = trial.source.join("index.json");
    let text = fs::read_to_string(&index).unwrap();
    let digest = text.split("\"digest\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    fs::write(&index, text.replace(&digest, "sha256:../../x")).unwrap();
    trial.export_fails(5, &["sha256:../../x", "64 lower-case hex digits"]);
}

#[test]
fn a_manifest_that_does_not_match_its_digest_is_refused() {
    let trial = Trial::new();
    let path = fs::read_dir(trial.source.join("blobs/sha256")).unwrap().map(|file| file.unwrap().path());
    let manifest = path.into_iter().find(|path| fs::read(path).unwrap().starts_with(b"{\"schemaVersion\"")).unwrap();
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("\"size\":1", "\"size\":2", 1)).unwrap();
    trial.export_fails(5, &[manifest.file_name().unwrap().to_str().unwrap()]);
    assert!(trial.source.join(MANIFEST).exists());
}

#[test]
fn invalid_s3_manifests_are_refused() {
    let work = tempfile::tempdir().unwrap();
    let manifests = work.path().join("store/trial/manifests");
    fs::create_dir_all(&manifests).unwrap();
    let good = fs::read_to_string("tests/fixtures/max/s3-manifest.json").unwrap();
    let target = work.path().join("restored");
    let import = ["import", target.to_str().unwrap(), "--cache-from", &file_store(&work.path().join("store"))];
    // Layer 0 without a parent is its own parent.
    for (bad, parts) in [
        (good.replacen("\"parent\":10,", "", 1), &["layer 0 is its own ancestor"][..]),
        (good.replacen("sha256:0706", "sha256:../../../x", 1), &["64 lower-case hex digits"]),
        (good.replacen("\"link\":1", "\"link\":99", 1), &["990 is out of range"]),
        (good[..1000].to_owned(), &["at byte 1000, where the document ends"]),
        ("<html></html>".to_owned(), &["not a cache config"]),
    ] {
        fs::write(manifests.join("buildkit"), bad).unwrap();
        run(&import).expect(5).says(parts).says(&["manifests/buildkit", "hint: "]);
        assert!(!target.exists());
    }
}

#[test]
fn a_sum_of_sizes_beyond_64_bits_does_not_overflow() {
    let work = tempfile::tempdir().unwrap();
    let manifests = work.path().join("store/trial/manifests");
    fs::create_dir_all(&manifests).unwrap();
    let good = fs::read_to_string("tests/fixtures/min/s3-manifest.json").unwrap();
    let mut pieces = good.split("\"size\":");
    let mut huge = pieces.next().unwrap().to_owned();
    for piece in pieces {
        huge.push_str("\"size\":9223372036854775807");
        huge.push_str(piece.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    fs::write(manifests.join("buildkit"), huge).unwrap();
    let target = work.path().join("restored");
    let store = file_store(&work.path().join("store"));
    let dry = run(&["import", target.to_str().unwrap(), "--cache-from", &store, "--dry-run"]).expect(0);
    assert!(dry.last_line().starts_with("would restore 3 of 3 blobs"), "{}", dry.stdout);
}

/// Returns the attributes of a test server, and the variables with its credentials.
fn s3(server: &Server) -> (String, Vec<(&'static str, String)>) {
    let keys = server.credentials();
    let attributes = format!("type=s3,region={},endpoint_url={}", server.region(), server.endpoint());
    (attributes, vec![("AWS_ACCESS_KEY_ID", keys.access_key_id), ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key)])
}

#[test]
fn a_missing_bucket_and_a_wrong_secret_are_explained() {
    let server = Server::start();
    let (attributes, variables) = s3(&server);
    let mut variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let absent = format!("{attributes},bucket=absent");
    let export = ["export", "tests/fixtures/max/local", "--cache-to", &absent];
    run_with(&export, &variables).expect(1).says(&["NoSuchBucket", "absent", "hint: there is no bucket"]);
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("x");
    let import = ["import", directory.to_str().unwrap(), "--cache-from", &absent];
    run_with(&import, &variables).expect(1).says(&["NoSuchBucket"]);
    assert!(!directory.exists());

    variables[1].1 = "MARKED";
    let there = format!("{attributes},bucket={}", server.bucket());
    let export = ["export", "tests/fixtures/max/local", "--cache-to", &there, "-vv"];
    let refused = run_with(&export, &variables).expect(4);
    assert!(!refused.stderr.contains("MARKED") && !refused.stdout.contains("MARKED"));
    refused.says(&["SignatureDoesNotMatch", "the environment", "hint: the secret access key is wrong"]);
}

#[test]
fn unsupported_kinds_of_buckets_are_refused_before_any_request() {
    let proxy = [("HTTPS_PROXY", "http://127.0.0.1:1"), ("AWS_MAX_ATTEMPTS", "1")];
    for (bucket, parts) in [
        ("arn:aws:s3:::my-cache", &["is an ARN", "hint: set bucket=my-cache"][..]),
        ("arn:aws:s3:eu-west-1:111122223333:accesspoint/c_i", &["access point", "letters, digits and -"]),
        ("arn:aws:s3::111122223333:accesspoint/mfzwi23gnjvgw.mrap", &["multi-Region access point", "alias"]),
        ("arn:aws:s3-outposts:eu-west-1:1:outpost/op-1/accesspoint/x", &["S3 on Outposts"]),
        ("arn:aws:s3-object-lambda:eu-west-1:1:accesspoint/x", &["Object Lambda"]),
        (
            "arn:aws:s3express:eu-west-1:1:bucket/ci-cache--euw1-az1--x-s3",
            &["directory bucket", "hint: set bucket=ci-cache--euw1-az1--x-s3"],
        ),
    ] {
        let attributes = format!("type=s3,region=eu-west-1,bucket={bucket}");
        run_with(&["import", "/no/such", "--cache-from", &attributes], &proxy).expect(2).says(parts).says(&[bucket]);
        let attributes = "type=s3,region=eu-west-1";
        let variables = [&proxy[..], &[("AWS_BUCKET", bucket)]].concat();
        let run = run_with(&["import", "/no/such", "--cache-from", attributes], &variables);
        run.expect(1).says(parts).says(&["AWS_BUCKET"]);
        // `doctor` reports the same.
        let doctor = run_with(&["doctor", attributes], &variables).expect(1);
        assert!(parts[0..1].iter().all(|part| doctor.stdout.contains(part)), "{}", doctor.stdout);
    }
}

#[test]
fn an_endpoint_that_contains_the_bucket_is_reported_with_both_settings() {
    let space = "https://my-space.fra1.digitaloceanspaces.com";
    let proxy = [("HTTPS_PROXY", "http://127.0.0.1:1"), ("AWS_MAX_ATTEMPTS", "1")];
    let attributes = format!("type=s3,bucket=my-space,endpoint_url={space}");
    let parts = [space, "the attribute bucket", "hint: set endpoint_url=https://fra1.digitaloceanspaces.com"];
    let import = ["import", "/no/such", "--cache-from", &attributes];
    run_with(&import, &proxy).expect(2).says(&parts).says(&["the attribute endpoint_url"]);
    let variables = [&proxy[..], &[("AWS_ENDPOINT_URL_S3", space)]].concat();
    let import = ["import", "/no/such", "--cache-from", "type=s3,bucket=my-space"];
    run_with(&import, &variables).expect(1).says(&parts).says(&["AWS_ENDPOINT_URL_S3"]);
    // A private server may have such a path, so the miss comes with a warning.
    let server = Server::start();
    let (_, variables) = s3(&server);
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let endpoint = format!("{}/{}", server.endpoint(), server.bucket());
    let attributes = format!("type=s3,bucket={},region={},endpoint_url={endpoint}", server.bucket(), server.region());
    let miss = run_with(&["import", "/no/such", "--cache-from", &attributes], &variables).expect(0);
    miss.says(&["warning: ", "the attribute endpoint_url", &endpoint, "the attribute bucket adds again"]);
}

#[test]
fn swapped_keys_and_explicit_denies_are_reported_with_a_fix() {
    let server = Server::start();
    let (attributes, _) = s3(&server);
    let attributes = format!("{attributes},bucket={}", server.bucket());
    let export = ["export", "tests/fixtures/min/local", "--cache-to", &attributes];
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let swapped = [("AWS_ACCESS_KEY_ID", secret), ("AWS_SECRET_ACCESS_KEY", "AKIAIOSFODNN7EXAMPLE")];
    let refused = run_with(&export, &swapped).expect(4);
    assert!(!refused.stderr.contains(secret) && server.requests().is_empty(), "{}", refused.stderr);
    refused.says(&["hint: swap the access key id and the secret access key", "AWS_ACCESS_KEY_ID"]);

    let message = "User: arn:aws:sts::111122223333:assumed-role/ci/b is not authorized to perform: s3:PutObject on \
        resource: \"arn:aws:s3:::cache/k\" with an explicit deny in a service control policy";
    server.fault(
        Match::operation(Operation::PutObject).always(),
        Fault::Reply(Failure::new(403, "AccessDenied", message)),
    );
    let (_, variables) = s3(&server);
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let denied = run_with(&export, &variables).expect(4);
    assert!(!denied.stderr.contains("allow s3:PutObject"), "{}", denied.stderr);
    denied.says(&["hint: an explicit deny in a service control policy (SCP)", "server_side_encryption="]);
}

/// The endpoint of a web console instead of the store.
#[test]
fn an_endpoint_that_answers_with_html_is_not_a_store() {
    let console = Loopback::serving(2, |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let page = "<!DOCTYPE html><html><title>Console</title></html>";
        let head = "HTTP/1.1 200 OK\r\nserver: console/1\r\ncontent-type: text/html\r\nconnection: close";
        write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{page}", page.len()).unwrap();
    });
    let attributes = format!("type=s3,bucket=trial,endpoint_url={}", console.url());
    let variables = [("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "SK")];
    let parts = ["does not answer as S3 does", "console/1", "endpoint_url"];
    let export = ["export", "tests/fixtures/max/local", "--cache-to", &attributes];
    run_with(&export, &variables).expect(1).says(&parts);
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("x");
    run_with(&["import", directory.to_str().unwrap(), "--cache-from", &attributes], &variables).expect(1).says(&parts);
    assert!(!directory.exists());
    console.join();
}

#[test]
fn a_lock_held_by_another_process_is_an_error() {
    let trial = Trial::new();
    trial.export().expect(0);
    let target = trial.work.path().join("restored");
    let import = ["import", target.to_str().unwrap(), "--cache-from", &trial.store()];
    run(&import).expect(0);
    let lock = fs::File::create(target.join("index.json.lock")).unwrap();
    lock.lock().unwrap();
    let before = fs::read(target.join("index.json")).unwrap();
    run(&import).expect(1).says(&["index.json.lock", "locked by another process"]);
    assert_eq!(fs::read(target.join("index.json")).unwrap(), before);
    drop(lock);
    run(&import).expect(0);
}

#[test]
fn a_full_standard_output_is_an_error() {
    let work = tempfile::tempdir().unwrap();
    let store = file_store(work.path());
    let export = ["export", "tests/fixtures/min/local", "--cache-to", &store, "--json"];
    let (text, ls, show) = (&export[..4], ["ls", &store], ["show", &store]);
    for arguments in [&["--help"][..], &["--version"], &export, text, &ls, &show, &["doctor", &store]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_s3-build-cache"))
            .env_clear()
            .args(arguments)
            .stdout(full)
            .output()
            .unwrap();
        let run = Run::of(output).expect(1).says(&["error: cannot write to standard output: No space left"]);
        assert_eq!(run.stderr.matches("error: ").count(), 1, "{arguments:?}: {}", run.stderr);
    }
}
