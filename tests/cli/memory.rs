//! Peak memory as the system reports it: the highest resident set of the process, sampled while it runs.
//!
//! The tests run a debug build, whose code alone takes more than a release build's. They therefore compare with a run
//! that has nothing to do.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use s3_build_cache::Digest;
use s3_build_cache::cache_config::CacheConfigBuilder;
use s3_build_cache::time::Timestamp;

use super::caches::{s3_store, write_cache};
use super::file_store;
use crate::s3::blobs::Blobs;
use crate::s3_server::Server;

const MIB: usize = 1 << 20;
/// The memory that a run may take in addition to its manifest: 32 MiB, less what an idle release build takes.
const ROOM: usize = 24 * MIB;
/// The difference between two runs that do the same: stacks, arenas of the allocator, pages of code.
const NOISE: usize = 4 * MIB;

/// Returns the exit status of a run, and its peak memory in bytes. A run that ends before the first sample is repeated.
fn peak_of(arguments: &[&str]) -> (i32, usize) {
    let seen = std::iter::repeat_with(|| watched(arguments)).take(100).find(|(_, peak)| *peak > 0);
    seen.expect("the system reports the memory of a process")
}

fn watched(arguments: &[&str]) -> (i32, usize) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_s3-build-cache"))
        .args(arguments)
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
        peak = peak.max(kib.unwrap_or(0) * 1024);
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code().unwrap_or(-1), peak);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Returns the status and the peak memory of an import of this manifest, which restores nothing.
fn peak_of_manifest(work: &Path, manifest: &[u8]) -> (i32, usize) {
    let manifests = work.join("trial/manifests");
    fs::create_dir_all(&manifests).unwrap();
    fs::write(manifests.join("buildkit"), manifest).unwrap();
    let target = work.join("restored");
    peak_of(&["import", target.to_str().unwrap(), "--dry-run", "--cache-from", &file_store(work)])
}

/// Returns the peak memory of an import with nothing to do. It ends so soon that a single run may be sampled too early.
fn idle_peak(work: &Path) -> usize {
    (0..5).map(|_| peak_of_manifest(work, b"{}").1).max().unwrap_or_default()
}

fn list(before: &str, item: &str, count: usize, after: &str) -> Vec<u8> {
    format!("{before}{}{item}{after}", format!("{item},").repeat(count - 1)).into_bytes()
}

#[test]
fn a_hostile_manifest_costs_at_most_eight_times_its_size_and_32_mib() {
    let work = tempfile::tempdir().unwrap();
    let base = idle_peak(work.path());
    let many = MIB;
    let invalid_utf8 = [br#"{"records":[{"digest":""#.as_slice(), &vec![0xFF; 4 * MIB], br#""}]}"#].concat();
    for (what, manifest) in [
        ("bytes that are not UTF-8", invalid_utf8),
        ("an unknown key of escapes", list("{\"", "\\ud800", many / 2, "\":1}")),
        ("a blob of escapes", list(r#"{"layers":[{"blob":""#, "\\ud800", many / 2, "\"}]}")),
        ("empty layers", list(r#"{"layers":["#, "{}", many, "]}")),
        ("empty annotations", list(r#"{"layers":["#, r#"{"annotations":{}}"#, many / 4, "]}")),
        ("empty records", list(r#"{"records":["#, "{}", many, "]}")),
        ("tiny records", list(r#"{"records":["#, r#"{"digest":"d"}"#, many / 4, "]}")),
        ("empty chains", list(r#"{"records":[{"digest":"d","chains":["#, "{}", many, "]}]}")),
        ("empty results", list(r#"{"records":[{"digest":"d","layers":["#, "{}", many, "]}]}")),
        ("empty inputs", list(r#"{"records":[{"digest":"d","inputs":[["#, "{}", many, "]]}]}")),
        ("inputs of themselves", list(r#"{"records":[{"digest":"d","inputs":["#, "[{}]", many / 2, "]}]}")),
        ("objects nobody knows", list(r#"{"x":["#, "{}", many, "]}")),
        ("nesting", [b"{\"x\":".to_vec(), vec![b'['; many]].concat()),
    ] {
        let (status, peak) = peak_of_manifest(work.path(), &manifest);
        assert!(status == 0 || status == 5, "{what}: {status}");
        let more = peak.saturating_sub(base);
        assert!(more <= 8 * manifest.len() + ROOM, "{what}: {more} bytes for a manifest of {}", manifest.len());
    }
}

#[test]
fn many_records_and_layers_cost_a_few_times_their_manifest() {
    let work = tempfile::tempdir().unwrap();
    let base = idle_peak(work.path());
    let mut builder = CacheConfigBuilder::new();
    let mut before = builder.record("sha256:start", []);
    for at in 0..20_000 {
        let digest = format!("sha256:{at:064}");
        before = builder.record(digest, [vec![(before, "")], vec![(before, "/a/file")]]);
    }
    let blobs = Blobs::of(&[10]);
    let layer = &blobs.config.layers()[0];
    let layer = builder.layer(layer.blob, None, layer.annotations.clone());
    builder.result(before, layer, Timestamp::ZERO);
    let manifest = builder.build().unwrap().to_s3_json();
    let (status, peak) = peak_of_manifest(work.path(), &manifest);
    assert_eq!(status, 0);
    let more = peak.saturating_sub(base);
    assert!(more <= 4 * manifest.len() + NOISE, "{more} bytes for a manifest of {}", manifest.len());
}

#[test]
fn twenty_thousand_small_blobs_stay_below_32_mib() {
    let peaks = [10, 20_000].map(|count| {
        let work = tempfile::tempdir().unwrap();
        let (source, restored) = (work.path().join("source"), work.path().join("restored"));
        write_cache(&Blobs::of(&vec![100; count]), &source);
        let store = file_store(&work.path().join("store"));
        let exported = peak_of(&["export", source.to_str().unwrap(), "--cache-to", &store]);
        let imported = peak_of(&["import", restored.to_str().unwrap(), "--cache-from", &store]);
        assert_eq!((exported.0, imported.0), (0, 0));
        [exported.1, imported.1]
    });
    for ((command, few), many) in ["export", "import"].iter().zip(peaks[0]).zip(peaks[1]) {
        let more = many.saturating_sub(few);
        assert!(more <= ROOM, "{command}: {more} bytes more than for ten blobs");
    }
}

#[test]
fn a_hundred_thousand_objects_take_little_memory_and_few_requests() {
    let peaks = [10, 100_000_u32].map(|count| {
        let server = Server::start();
        for number in 0..count {
            server.put_object(&format!("blobs/{}", Digest::of(&number.to_be_bytes())), b"x");
        }
        Blobs::of(&[100]).put_into(&server);
        let (status, peak) = peak_of(&["du", &s3_store(&server)]);
        let requests = server.take_requests().len();
        assert_eq!(status, 0);
        assert!(requests <= 100 + 16 + 3, "{requests} requests for {count} objects");
        peak
    });
    // 48 bytes for each, twice while the table grows, and a few pages.
    let more = peaks[1].saturating_sub(peaks[0]);
    assert!(more <= ROOM + 16 * MIB, "{more} bytes more than for ten objects");
}

/// As JSON, a finding takes no more memory than as a line.
#[test]
fn twenty_thousand_findings_take_little_memory() {
    let work = tempfile::tempdir().unwrap();
    let manifests = work.path().join("trial/manifests");
    fs::create_dir_all(&manifests).unwrap();
    fs::write(manifests.join("lost"), Blobs::of(&vec![100; 20_000]).config.to_s3_json()).unwrap();
    let store = file_store(work.path());
    let [lines, json] = [&["verify", &store][..], &["verify", &store, "--json"]].map(|arguments| {
        let (status, peak) = peak_of(arguments);
        assert_eq!(status, 5);
        peak
    });
    let more = json.saturating_sub(lines);
    assert!(more <= NOISE, "{more} bytes more than for lines");
}
