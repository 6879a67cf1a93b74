//! The variables and programs that configure AWS's tools, with a real environment, real processes and real signals.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Run;

const LONG: Duration = Duration::from_secs(20);

/// Returns an import from a store that does not exist, in a home directory with this config file.
fn import(home: &Path, config: &str) -> Command {
    fs::create_dir_all(home.join(".aws")).unwrap();
    fs::write(home.join(".aws/config"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_s3-build-cache"));
    let store =
        "type=s3,bucket=cache,region=r,endpoint_url=http://127.0.0.1:1,use_path_style=true,retry_max_attempts=1";
    command.arg("import").arg(home.join("cache")).args(["--cache-from", store]);
    command.env_clear().env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

#[test]
fn a_variable_that_is_not_utf_8_is_named_but_its_value_is_not_shown() {
    let home = tempfile::tempdir().unwrap();
    let value = OsStr::from_bytes(b"MARKED-\xff");
    for name in ["AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL_STS", "HTTPS_PROXY"] {
        let run = Run::of(import(home.path(), "").env(name, value).output().unwrap());
        let run = run.expect(1).says(&[name, "not UTF-8", "hint: "]);
        assert!(!run.stderr.contains("MARKED"), "{}", run.stderr);
    }
}

/// Waits until the program has ended and no process has its standard error open.
fn finish(child: Child) -> Run {
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    Run::of(receiver.recv_timeout(LONG).expect("standard error is still open").unwrap())
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap().success());
}

#[test]
fn a_signal_ends_what_credential_process_started() {
    for (first, second, status) in [("TERM", None, 143), ("INT", None, 130), ("INT", Some("TERM"), 143)] {
        let home = tempfile::tempdir().unwrap();
        let started = home.path().join("started");
        let config =
            format!("[default]\ncredential_process = sleep 70 | (echo > \"{}\"; sleep 71)\n", started.display());
        let child = import(home.path(), &config).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let begun = Instant::now();
        while !started.exists() {
            assert!(begun.elapsed() < LONG, "the program has not started");
            thread::sleep(Duration::from_millis(10));
        }
        signal(child.id(), first);
        if let Some(second) = second {
            // The program may have ended already.
            let _ = Command::new("kill").args([format!("-{second}"), child.id().to_string()]).output();
        }
        let run = finish(child);
        assert!(run.status == status || second.is_some() && run.status == 130, "{} {}", run.status, run.stderr);
    }
}

#[test]
fn a_command_with_quotes_runs_as_written() {
    let home = tempfile::tempdir().unwrap();
    let seen = home.path().join("seen");
    let config = format!(
        "[default]\ncredential_process = \"/bin/sh\" -c 'echo \"$#:$1\" > \"{}\"; exit 3' name \"two  words\"\n",
        seen.display()
    );
    let run = Run::of(import(home.path(), &config).output().unwrap());
    run.expect(4).says(&["the program failed (exit status: 3)"]);
    assert_eq!(fs::read_to_string(seen).unwrap(), "1:two  words\n");
}
