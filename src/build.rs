//! Links the static binary with relative relocations packed, which makes it about 120 KiB smaller.
//!
//! A static program relocates itself with the start code of the C library it is linked with, and glibc's reads packed
//! relocations since 2.36. An older or unknown C library, and a dynamic program, which may start on an older system,
//! are linked as usual.

#![allow(clippy::print_stdout, reason = "build scripts talk to cargo on standard output")]

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let is_static = variable("CARGO_CFG_TARGET_FEATURE").split(',').any(|feature| feature == "crt-static");
    let is_native = variable("HOST") == variable("TARGET");
    if is_static && is_native && variable("CARGO_CFG_TARGET_ENV") == "gnu" && glibc_version() >= Some((2, 36)) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Returns this machine's glibc version, or `None` if it is unknown.
fn glibc_version() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
