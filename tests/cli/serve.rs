//! The command `serve`.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::caches::{Running, start};
use super::{Run, file_store, run, run_with};
use crate::s3::blobs::{Blobs, noise};
use crate::serve::client::{Client, import};
use crate::serve::directory;

const SOON: Duration = Duration::from_secs(8);

/// A running `serve`, whose address is known. It is killed when it is dropped.
struct Serve {
    running: Running,
    address: SocketAddr,
}

impl Serve {
    fn start(arguments: &[&str]) -> Self {
        let mut running = start(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat());
        let line = running.first_line();
        let address = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}")).parse().unwrap();
        Self { running, address }
    }

    fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// Returns the peak of the resident memory so far, in bytes.
    fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.running.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    #[track_caller]
    fn finish(self) -> Run {
        self.running.finish(SOON)
    }
}

/// Exports a fixture into a new directory under the name `app`.
fn exported(fixture: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let attributes = format!("{},name=app", file_store(root.path()));
    run(&["export", &format!("tests/fixtures/{fixture}/local"), "--cache-to", &attributes]).expect(0);
    root
}

#[test]
fn it_serves_until_a_signal_and_reports_what_it_did() {
    let root = exported("max");
    for signal in ["TERM", "INT"] {
        let serve = Serve::start(&[&file_store(root.path())]);
        assert_eq!(import(serve.address, "cache:app").hit().layers.len(), 10);
        import(serve.address, "app:latest").hit();
        import(serve.address, "other").miss();
        serve.signal(signal);
        let run = serve.finish().expect(0);
        assert!(run.last_line().starts_with("2 hits, 2 misses · served 20 blobs ("), "{}", run.stdout);
        assert_eq!(run.stderr, "");
    }
}

/// The first object tells a script the port, and the last one is the result.
#[test]
fn json_has_the_address_and_then_the_result() {
    let root = exported("min");
    let mut running = start(&["serve", "--json", "--listen", "127.0.0.1:0", &file_store(root.path())]);
    let first: serde_json::Value = serde_json::from_str(&running.first_line()).unwrap();
    assert_eq!(
        (&first["version"], &first["command"], &first["outcome"]),
        (&1.into(), &"serve".into(), &"listening".into())
    );
    let address: SocketAddr = first["address"].as_str().unwrap().parse().unwrap();
    import(address, "cache:app").hit();
    running.signal("TERM");
    let run = running.finish(SOON).expect(0);
    let last: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&last["outcome"], &last["manifests"]["found"]), (&"served".into(), &1.into()));
}

#[test]
fn the_summary_counts_the_bytes_of_the_blobs_it_counts() {
    let root = tempfile::tempdir().unwrap();
    let serve = Serve::start(&["--write", &file_store(root.path())]);
    let mut client = Client::new(serve.address);
    for blob in [b"{\"a config\": 1}".as_slice(), &[7; 2048]] {
        let digest = s3_build_cache::Digest::of(blob);
        let answer = client.send("POST", &format!("/v2/cache/blobs/uploads/?digest={digest}"), &[], blob);
        assert_eq!(answer.status, 201);
    }
    serve.signal("TERM");
    let run = serve.finish().expect(0);
    assert!(run.last_line().ends_with("received 1 blob (2.00 KiB)"), "{}", run.stdout);
}

#[test]
fn the_password_is_needed_and_shown_nowhere() {
    let root = exported("min");
    let users = root.path().join("users");
    fs::write(&users, "ann:correct-horse\n").unwrap();
    fs::set_permissions(&users, fs::Permissions::from_mode(0o644)).unwrap();
    let serve = Serve::start(&["-vv", "--auth-file", users.to_str().unwrap(), &file_store(root.path())]);
    let mut client = Client::new(serve.address);
    assert_eq!(client.get("/v2/").status, 401);
    client.headers = vec![("Authorization".to_owned(), "Basic YW5uOmNvcnJlY3QtaG9yc2U=".to_owned())];
    assert_eq!(client.get("/v2/").status, 200);
    assert_eq!(client.head("/v2/app/manifests/latest").status, 200);
    serve.signal("TERM");
    let run = serve.finish().expect(0).says(&["other users of this machine can read", "chmod o-r"]);
    for secret in ["correct-horse", "YW5u"] {
        assert!(!run.stderr.contains(secret) && !run.stdout.contains(secret), "{}", run.stderr);
    }
}

#[test]
fn a_wrong_command_line_is_refused_with_its_fix() {
    let s3 = "type=s3,bucket=trial,endpoint_url=file:///tmp/absent";
    let named = format!("{s3},name=buildkit");
    for (arguments, parts) in [
        (&[][..], &["serve needs the attributes of a cache"][..]),
        (&["cache"], &["="]),
        (&["type=local,src=x"], &["serve takes an S3 cache"]),
        (&[&named], &["serve takes no name=", "localhost:5055/cache:NAME"]),
        (&["--write", s3, s3], &["--write takes one cache"]),
        (&["--listen", "0.0.0.0:0", s3], &["can be reached from other machines", "--auth-file", "--no-auth"]),
        (&["--listen", "[::]:0", s3], &["can be reached from other machines"]),
        (&["--listen", "5055", s3], &["invalid value for --listen: 5055", "127.0.0.1:5055"]),
        (&["--listen", ":5055", s3], &["invalid value for --listen"]),
        (&["--listen", "127.0.0.1:x", s3], &["invalid value for --listen"]),
        (&["--auth-file", "x", "--no-auth", s3], &["contradict each other"]),
    ] {
        run(&[&["serve"], arguments].concat()).expect(2).says(parts);
    }
    let work = tempfile::tempdir().unwrap();
    let empty = work.path().join("empty");
    fs::write(&empty, "# nobody\n").unwrap();
    let bad = work.path().join("bad");
    fs::write(&bad, "ann:one\nsecret-without-colon\n").unwrap();
    for (file, parts) in [
        ("/dev/null", &["is not a file with users"][..]),
        ("/absent", &["cannot read /absent"]),
        (empty.to_str().unwrap(), &["there are no users"]),
        (bad.to_str().unwrap(), &["line 2 is not a user and a password"]),
    ] {
        let run = run(&["serve", "--auth-file", file, s3]).expect(1).says(parts);
        assert!(!run.stderr.contains("secret"), "{}", run.stderr);
    }
}

#[test]
fn a_taken_port_is_an_error_and_the_result_is_json() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let root = tempfile::tempdir().unwrap();
    let run = run_with(&["serve", "--json", "--listen", &address, &file_store(root.path())], &[]);
    let run = run.expect(1).says(&["cannot listen on", "--listen"]);
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((json["command"].as_str(), json["outcome"].as_str()), (Some("serve"), Some("failed")));
    assert_eq!(json["blobs"]["served"], 0);
}

/// Four clients that read slowly, and a fifth that does not read at all.
#[test]
fn memory_stays_flat_whatever_the_size_of_the_layers() {
    const LAYER: usize = 48 << 20;
    let root = tempfile::tempdir().unwrap();
    let blobs = Blobs::new((1..=4).map(|seed| noise(seed, LAYER)).collect());
    let cache = directory(root.path(), "");
    cache.export_from(std::borrow::Cow::Borrowed(&blobs.config), &blobs, &Default::default()).outcome.unwrap();
    let attributes = format!("type=s3,bucket=bucket,endpoint_url=file://{}", root.path().display());
    let serve = Serve::start(&[&attributes]);
    let idle = serve.peak();
    let address = serve.address;
    assert_eq!(Client::new(address).head("/v2/buildkit/manifests/latest").status, 200);
    let request =
        |digest: s3_build_cache::Digest| format!("GET /v2/buildkit/blobs/{digest} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut stalled = TcpStream::connect(address).unwrap();
    stalled.write_all(request(blobs.digest()).as_bytes()).unwrap();
    std::thread::scope(|scope| {
        for digest in blobs.bytes.keys() {
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(request(*digest).as_bytes()).unwrap();
                let (mut buffer, mut left) = (vec![0; 1 << 20], LAYER);
                while left > 0 {
                    let read = stream.read(&mut buffer).unwrap();
                    assert!(read > 0);
                    left = left.saturating_sub(read);
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
        }
    });
    let used = serve.peak().saturating_sub(idle);
    assert!(used < 56 << 20, "{} MiB more than idle", used >> 20);
    drop(stalled);
    serve.signal("TERM");
    serve.finish().expect(0);
}

#[test]
fn pushes_take_flat_memory() {
    let peaks = [1, 48].map(|mib| {
        let root = tempfile::tempdir().unwrap();
        let serve = Serve::start(&["--write", &file_store(root.path())]);
        let address = serve.address;
        std::thread::scope(|scope| {
            for client in 0..4 {
                scope.spawn(move || {
                    let blob = noise(client + 1, 64 << 10).repeat(mib << 4);
                    let digest = s3_build_cache::Digest::of(&blob);
                    let mut client = Client::new(address);
                    let location = client.send("POST", "/v2/cache/blobs/uploads/", &[], b"");
                    let location = location.header("location").unwrap().to_owned();
                    let answer = client.send("PUT", &format!("{location}?digest={digest}"), &[], &blob);
                    assert_eq!(answer.status, 201, "{}", answer.text());
                });
            }
        });
        serve.peak()
    });
    let more = peaks[1].saturating_sub(peaks[0]);
    assert!(more < 24 << 20, "{more} bytes more for blobs of 48 MiB");
}

/// A manifest is loaded once all of it was received, one after the other.
#[test]
fn large_manifests_that_are_being_received_take_little_memory() {
    const SIZE: usize = 16 << 20;
    let root = tempfile::tempdir().unwrap();
    let serve = Serve::start(&["--write", &file_store(root.path())]);
    let (idle, address) = (serve.peak(), serve.address);
    let head = format!("PUT /v2/app/manifests/latest HTTP/1.1\r\nHost: {address}\r\nContent-Length: {SIZE}\r\n\r\n");
    let mut clients: Vec<TcpStream> = (0..8).map(|_| TcpStream::connect(address).unwrap()).collect();
    for client in &mut clients {
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&vec![b' '; SIZE - 1]).unwrap();
    }
    let (client, mut status) = (&mut clients[0], [0; 12]);
    client.write_all(b"{").unwrap();
    client.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 400");
    let used = serve.peak().saturating_sub(idle);
    assert!(used < 3 * SIZE as u64, "{} MiB more than idle", used >> 20);
}
