//! The programs that are measured, and their versions.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::options::Options;
use crate::Outcome;

pub(crate) struct Programs {
    pub(crate) ours: PathBuf,
    pub(crate) s5cmd: PathBuf,
    pub(crate) rclone: PathBuf,
    pub(crate) aws: PathBuf,
    pub(crate) weed: PathBuf,
    /// The path of this program.
    pub(crate) itself: PathBuf,
}

impl Programs {
    pub(crate) fn find(options: &Options) -> Outcome<Self> {
        let bin = options.venv.join("bin");
        Ok(Self {
            ours: existing(options.ours.clone())?,
            // The package starts it through a Python script, whose start would count as s5cmd's.
            s5cmd: inside_package(&options.venv, "s5cmd/bin/s5cmd")?,
            rclone: existing(bin.join("rclone"))?,
            aws: existing(bin.join("aws"))?,
            weed: existing(bin.join("weed"))?,
            itself: std::env::current_exe()?,
        })
    }

    /// Returns the name and version of each.
    pub(crate) fn versions(&self) -> Outcome<Vec<(&'static str, String)>> {
        Ok(vec![
            ("s3-build-cache", version(&self.ours, "--version")?),
            ("s5cmd", version(&self.s5cmd, "version")?),
            ("rclone", version(&self.rclone, "version")?),
            ("aws", version(&self.aws, "--version")?),
            ("seaweedfs", version(&self.weed, "version")?),
            ("machine", machine()),
        ])
    }
}

/// Describes the machine: the number of cores and whether they accelerate SHA-256, which the ratios depend on.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| about.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_once(": "));
    let model = field("model name").map_or("unknown", |(_, model)| model);
    let hashes = field("flags").is_some_and(|(_, flags)| flags.split(' ').any(|flag| flag == "sha_ni"));
    format!("{cores} cores, {model}, {} SHA-NI", if hashes { "with" } else { "without" })
}

fn existing(path: PathBuf) -> Outcome<PathBuf> {
    if path.is_file() { Ok(path) } else { Err(format!("there is no {}: use tests/bench/run", path.display()).into()) }
}

fn inside_package(venv: &Path, file: &str) -> Outcome<PathBuf> {
    for entry in std::fs::read_dir(venv.join("lib"))? {
        let path = entry?.path().join("site-packages").join(file);
        if path.is_file() {
            return Ok(path);
        }
    }
    Err(format!("there is no {file} in {}", venv.display()).into())
}

/// Returns the first line of its output.
fn version(program: &Path, argument: &str) -> Outcome<String> {
    let output = Command::new(program).arg(argument).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
