//! Runs on a system that allows no more threads.

use std::fs;
use std::process::Command;

use super::caches::{s3_store, write_cache};
use super::{Run, file_store, run_with, without_ci};
use crate::s3::blobs::Blobs;
use crate::s3_server::Server;

const MIB: usize = 1 << 20;

/// The stack size of every new thread, for which there is no address space. `RLIMIT_NPROC` would have the same effect,
/// but not for root.
const NO_THREADS: (&str, &str) = ("RUST_MIN_STACK", "140737488355328");

#[test]
fn one_thread_exports_and_imports_blobs_of_every_kind() {
    let (work, server) = (tempfile::tempdir().unwrap(), Server::start());
    let blobs = Blobs::of(&[1000, 2000, 3000]).and(vec![7; 33 * MIB]).and(vec![8; 20 * MIB]);
    let (source, restored) = (work.path().join("source"), work.path().join("restored"));
    write_cache(&blobs, &source);
    for verify in ["false", "true"] {
        let store = format!("{},prefix={verify}/,verify_source={verify}", s3_store(&server));
        let to = ["export", source.to_str().unwrap(), "--cache-to", &store];
        let exported = run_with(&to, &[NO_THREADS]).expect(0);
        assert!(exported.last_line().starts_with("exported 5 of 5 blobs"), "{}", exported.stdout);
        let from = ["import", restored.to_str().unwrap(), "--cache-from", &store];
        let imported = run_with(&from, &[NO_THREADS]).expect(0);
        assert!(imported.last_line().starts_with("restored 5 of 5 blobs"), "{}", imported.stdout);
        fs::remove_dir_all(&restored).unwrap();
    }
}

#[test]
fn many_jobs_fit_a_limited_address_space() {
    let work = tempfile::tempdir().unwrap();
    let (source, restored) = (work.path().join("source"), work.path().join("restored"));
    write_cache(&Blobs::of(&[100_000; 40]), &source);
    let store = file_store(&work.path().join("store"));
    for (command, dir, option) in [("export", &source, "--cache-to"), ("import", &restored, "--cache-from")] {
        let limited = format!("ulimit -v 400000 && exec \"$0\" {command} \"$1\" {option} \"$2\" --jobs 64");
        let program = env!("CARGO_BIN_EXE_s3-build-cache");
        let mut command = Command::new("sh");
        command.arg("-c").arg(limited).arg(program).arg(dir).arg(&store);
        let output = without_ci(&mut command).output().unwrap();
        Run::of(output).expect(0);
    }
}

#[test]
fn a_name_is_looked_up_without_a_thread() {
    // The name resolves everywhere, but nothing listens on the port.
    let store = "type=s3,bucket=b,region=r,endpoint_url=http://localhost:1,retry_max_attempts=1,access_key_id=k,secret_access_key=s";
    let run = run_with(&["import", "never-written", "--cache-from", store], &[NO_THREADS]).expect(1);
    run.says(&["error: ", "refused"]);
}

#[test]
fn a_credential_process_is_read_without_a_thread() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("config");
    let keys = r#"{"Version":1,"AccessKeyId":"k","SecretAccessKey":"s"}"#;
    fs::write(&config, format!("[default]\ncredential_process = echo '{keys}'\n")).unwrap();
    let store = "type=s3,bucket=b,region=r,endpoint_url=http://127.0.0.1:1,retry_max_attempts=1";
    let variables = [NO_THREADS, ("AWS_CONFIG_FILE", config.to_str().unwrap()), ("PATH", "/usr/bin:/bin")];
    let arguments = ["import", "never-written", "--cache-from", store];
    // The credentials are found, so the next step is the connection.
    run_with(&arguments, &variables).expect(1).says(&["error: ", "refused"]);
}

/// A thread that starts without enough memory for itself would abort the process.
#[test]
fn a_limit_on_the_address_space_means_fewer_threads() {
    let work = tempfile::tempdir().unwrap();
    let (source, store) = (work.path().join("source"), file_store(&work.path().join("store")));
    write_cache(&Blobs::of(&(0..200).map(|at| 10_000 + at).collect::<Vec<_>>()), &source);
    for mib in [100, 150, 200] {
        let restored = work.path().join(format!("restored-{mib}"));
        for arguments in [
            ["export", source.to_str().unwrap(), "--cache-to", &store],
            ["import", restored.to_str().unwrap(), "--cache-from", &store],
        ] {
            let limit = format!("ulimit -v {} && exec \"$@\"", mib * 1024);
            let program = env!("CARGO_BIN_EXE_s3-build-cache");
            let before = ["-c", &limit, "sh", program, "-j", "64"];
            let mut command = Command::new("sh");
            let output = without_ci(&mut command).args(before).args(arguments).output().unwrap();
            Run::of(output).expect(0);
        }
    }
}
