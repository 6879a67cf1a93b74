"""The crates in the released program, and the license that each is used under."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What .github/workflows/release.yml builds.
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "x86_64-apple-darwin", "aarch64-apple-darwin")
# The licenses that may be in the program. If a crate offers several, the first of these is taken.
ALLOWED = ("Apache-2.0", "MIT", "ISC", "BSD-3-Clause", "CDLA-Permissive-2.0")


def cargo(*arguments):
    return subprocess.run(("cargo", *arguments), cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout


def in_program():
    """Returns the crates that are linked into the program, as `cargo metadata` describes them, sorted by name."""
    packages = json.loads(cargo("metadata", "--locked", "--format-version", "1"))["packages"]
    packages = {(package["name"], package["version"]): package for package in packages}
    found = {}
    for target in TARGETS:
        tree = cargo("tree", "--locked", "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}",
                     "--target", target)
        for line in tree.splitlines():
            name, version = line.split()[:2]
            found[name, version[1:]] = packages[name, version[1:]]
    del found[next(key for key in found if key[0] == "s3-build-cache")]
    return [found[key] for key in sorted(found)]


def licenses(package):
    """Returns the licenses that a crate is used under: one, or those that all apply."""
    offers = [offer.split(" AND ") for offer in (package["license"] or "no license").replace("/", " OR ").split(" OR ")]
    offers = [offer for offer in offers if all(license in ALLOWED for license in offer)]
    if not offers:
        raise SystemExit(f"{package['name']} {package['version']} has the license {package['license']}, which is not "
                         f"among those of tests/dependencies/crates.py: {', '.join(ALLOWED)}")
    return min(offers, key=lambda offer: [ALLOWED.index(license) for license in offer])


def locked():
    """Returns the name and version of every crate in Cargo.lock."""
    import tomllib
    return [(package["name"], package["version"])
            for package in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"] if "source" in package]
