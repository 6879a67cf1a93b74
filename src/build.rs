//! Links the static binary with relative relocations packed and without unwind tables, which makes it about 120 and
//! 420 KiB smaller.
//!
//! A static program relocates itself with the start code of the C library it is linked with, and glibc's reads packed
//! relocations since 2.36. Where that is not known to be, and for dynamic programs, which may start on an older system,
//! nothing is changed. Unwind tables serve to unwind a panic; here a panic aborts, and the backtrace of a stripped
//! program has no names to show.

#![allow(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// Added to the linker's own script. Rust offers no way to leave the tables out that a Cargo.toml could name.
const WITHOUT_UNWIND_TABLES: &str = "SECTIONS { /DISCARD/ : { *(.eh_frame) } } INSERT AFTER .text;\n";

fn main() {
    println!("cargo::rerun-if-changed=src/build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let is_static = variable("CARGO_CFG_TARGET_FEATURE").split(',').any(|feature| feature == "crt-static");
    let is_native = variable("HOST") == variable("TARGET");
    if !is_static || !is_native || variable("CARGO_CFG_TARGET_ENV") != "gnu" || glibc_version() < Some((2, 36)) {
        return;
    }
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    // In debug builds a panic still shows where it came from.
    if variable("PROFILE") != "release" {
        return;
    }
    // Every linker knows this: the index of the tables.
    println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
    let script = Path::new(&variable("OUT_DIR")).join("without-unwind-tables.ld");
    if reads_scripts() && fs::write(&script, WITHOUT_UNWIND_TABLES).is_ok() {
        println!("cargo::rustc-link-arg-bins=-T");
        println!("cargo::rustc-link-arg-bins={}", script.display());
    }
}

/// Whether the linker adds a script to its own: GNU's and LLVM's do, and rustc takes one of these unless told otherwise.
fn reads_scripts() -> bool {
    let is_chosen = env::var_os("RUSTC_LINKER").is_some();
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let output = Command::new("ld").arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    !is_chosen && !flags.contains("link") && (version.starts_with("GNU ld ") || version.starts_with("LLD "))
}

/// That of this machine; `None` when it does not say.
fn glibc_version() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
