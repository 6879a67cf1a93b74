//! A docker, a buildx and a buildctl that answer questions from files, and record every other call.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::cli::Run;

const SCRIPT: &str = r#"#!/bin/bash
echo "${0##*/} $*" >>"$FAKE/calls"
case " $* " in
*" inspect --format "*) cat "$FAKE/host" ;;
*" inspect "*) cat "$FAKE/builder" ;;
*" info "*) cat "$FAKE/info" ;;
*" --print "*) if [ -f "$FAKE/bake-says" ]; then printf "$(<"$FAKE/bake-says")" >&2; exit 1; else cat "$FAKE/printed"; fi ;;
*)
    printf '%s\0' "$@" >"$FAKE/arguments"
    env >"$FAKE/environment"
    . "$FAKE/act"
    ;;
esac
"#;

/// A folder with the programs, and with what they answer and record.
pub(super) struct Fake {
    pub(super) dir: TempDir,
}

impl Fake {
    /// The builder is the Docker of this machine, with containerd's store.
    pub(super) fn new() -> Self {
        let fake = Self { dir: tempfile::tempdir().unwrap() };
        for program in ["docker", "buildctl", "make", "buildx"] {
            let path = fake.dir.path().join(program);
            fs::write(&path, SCRIPT).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fake.answers("host", "unix:///var/run/docker.sock\n");
        fake.answers(
            "builder",
            "Name:   default\nDriver: docker\n\nNodes:\nName:     default\nEndpoint: default\nStatus:   running\n",
        );
        fake.info("overlayfs", "Debian GNU/Linux 13", "name=seccomp,profile=builtin");
        fake.answers("act", "");
        fake
    }

    pub(super) fn answers(&self, question: &str, text: &str) {
        fs::write(self.dir.path().join(question), text).unwrap();
    }

    /// Sets what `docker info` answers, with the name of this machine.
    pub(super) fn info(&self, driver: &str, system: &str, security: &str) {
        let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let status = match driver {
            "overlayfs" => r#"["driver-type", "io.containerd.snapshotter.v1"]"#,
            _ => r#"["Backing Filesystem", "extfs"]"#,
        };
        let info = format!(
            r#"{{"Name": "{}", "OperatingSystem": "{system}", "Driver": "{driver}", "DriverStatus": [{status}], "SecurityOptions": ["{security}"]}}"#,
            name.trim()
        );
        self.answers("info", &info);
    }

    /// Returns the attributes of an empty store.
    pub(super) fn store(&self) -> String {
        crate::cli::file_store(&self.dir.path().join("store"))
    }

    pub(super) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_s3-build-cache"));
        command
            .arg("run")
            .args(arguments)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.dir.path().display()))
            .env("HOME", self.dir.path())
            .env("FAKE", self.dir.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    pub(super) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Returns the arguments of the build, or `None` if it was not started.
    pub(super) fn raw_arguments(&self) -> Option<Vec<OsString>> {
        let bytes = fs::read(self.path("arguments")).ok()?;
        let _ = fs::remove_file(self.path("arguments"));
        let words = bytes.split(|byte| *byte == 0).map(|word| OsStr::from_bytes(word).to_owned());
        let mut words: Vec<OsString> = words.collect();
        words.pop();
        Some(words)
    }

    /// Returns the arguments of the build, with `SERVER` in place of the server and its random path.
    #[track_caller]
    pub(super) fn arguments(&self) -> Vec<String> {
        let words = self.raw_arguments().expect("the build was not started");
        words.into_iter().map(|word| without_server(&word.into_string().unwrap())).collect()
    }

    /// Returns the value of a variable of the build.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let all = fs::read_to_string(self.path("environment")).unwrap();
        let value = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.map(without_server)
    }

    /// Returns what was asked before the build, and the build.
    pub(super) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.path("calls"));
        calls.lines().map(str::to_owned).collect()
    }
}

/// Replaces `127.0.0.1:PORT/HEX`, which must have 128 bits.
pub(super) fn without_server(text: &str) -> String {
    let Some((before, rest)) = text.split_once("ref=127.0.0.1:") else { return text.to_owned() };
    let (port, rest) = rest.split_once('/').unwrap();
    let (path, rest) = rest.split_once('/').unwrap();
    assert!(port.parse::<u16>().unwrap() > 0);
    assert!(path.len() == 32 && path.bytes().all(|byte| byte.is_ascii_hexdigit()), "{path}");
    format!("{before}ref=SERVER/{rest}")
}

/// Returns whether the path exists soon.
pub(super) fn appears(path: &Path) -> bool {
    (0..1000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        path.exists()
    })
}
