//! Sets the text of `--version`, and links the static binary with relative relocations packed, which makes it about
//! 120 KiB smaller.
//!
//! A static program relocates itself with the start code of the C library it is linked with, and glibc's reads packed
//! relocations since 2.36. An older or unknown C library, and a dynamic program, which may start on an older system,
//! are linked as usual.

#![allow(clippy::print_stdout, reason = "build scripts talk to cargo on standard output")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The variable for what `--version` prints after the name of the program.
const VERSION: &str = "S3_BUILD_CACHE_VERSION";
/// What `cargo package` writes into a crate that it packs in a clone.
const PACKED: &str = ".cargo_vcs_info.json";

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    // A build for development would be repeated after every commit.
    let commit = if variable("PROFILE") == "release" { commit(&root) } else { None };
    if commit.is_some() {
        watch(&root);
    }
    let version = version(&variable("CARGO_PKG_VERSION"), commit.as_deref(), &variable("TARGET"));
    println!("cargo::rustc-env={VERSION}={version}");
    let is_static = variable("CARGO_CFG_TARGET_FEATURE").split(',').any(|feature| feature == "crt-static");
    let is_native = variable("HOST") == variable("TARGET");
    if is_static && is_native && variable("CARGO_CFG_TARGET_ENV") == "gnu" && glibc_version() >= Some((2, 36)) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

fn version(version: &str, commit: Option<&str>, target: &str) -> String {
    match commit {
        Some(commit) => format!("{version} ({commit}, {target})"),
        None => format!("{version} ({target})"),
    }
}

/// Returns the first twelve digits of the commit that these sources are from, or `None` if it is unknown.
fn commit(root: &Path) -> Option<String> {
    let text = match fs::read_to_string(root.join(PACKED)) {
        Ok(text) => text.split_once("\"sha1\"")?.1.trim_start_matches([':', ' ', '"']).to_owned(),
        // Sources without a repository of their own may be in that of somebody else.
        Err(_) if root.join(".git").exists() => git(root, &["rev-parse", "HEAD"])?,
        Err(_) => return None,
    };
    let commit = text.get(..12)?;
    commit.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| commit.to_owned())
}

/// Lets cargo run this script again after a commit or a checkout: each adds a line to the log of HEAD.
fn watch(root: &Path) {
    let log = git(root, &["rev-parse", "--git-path", "logs/HEAD"]).map(|path| root.join(path));
    // Cargo would run the script for every build if the file did not exist.
    if let Some(log) = log.filter(|log| log.exists() && root.join(".git").exists()) {
        println!("cargo::rerun-if-changed={}", log.display());
    }
}

/// Returns what git prints, or `None` if it fails or is not installed.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").current_dir(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Returns this machine's glibc version, or `None` if it is unknown.
fn glibc_version() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn the_commit_is_that_of_the_sources() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(commit(root.path()), None, "neither a repository nor a packed crate");
        let inner = root.path().join("inner");
        fs::create_dir(&inner).unwrap();
        if git(root.path(), &["init", "-q"]).is_some() {
            assert_eq!(commit(root.path()), None, "no commit yet");
            let user = ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "c"];
            git(root.path(), &user).unwrap();
            let head = git(root.path(), &["rev-parse", "HEAD"]).unwrap();
            assert_eq!(commit(root.path()).as_deref(), head.get(..12));
            assert_eq!(commit(&inner), None, "unpacked into the repository of somebody else");
        }
        for (info, expected) in [
            (
                format!("{{\n  \"git\": {{\n    \"sha1\": \"{HEAD}\"\n  }},\n  \"path_in_vcs\": \"\"\n}}"),
                Some("0123456789ab"),
            ),
            (format!("{{\"git\":{{\"sha1\":\"{HEAD}\",\"dirty\":true}}}}"), Some("0123456789ab")),
            ("{\"git\":{\"sha1\":\"main\"}}".to_owned(), None),
            ("{}".to_owned(), None),
        ] {
            fs::write(inner.join(PACKED), &info).unwrap();
            assert_eq!(commit(&inner).as_deref(), expected, "{info}");
        }
    }

    #[test]
    fn the_version_names_what_is_known() {
        assert_eq!(version("1.2.3", Some("0123456789ab"), "a-b-c"), "1.2.3 (0123456789ab, a-b-c)");
        assert_eq!(version("1.2.3", None, "a-b-c"), "1.2.3 (a-b-c)");
    }
}
