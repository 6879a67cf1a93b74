"""Fails if a crate in Cargo.lock has a known vulnerability, by RustSec's advisories.

  advisories.py               fetches the advisories into target/advisories, or uses those beside this file
  advisories.py --save FROM   writes those that concern crates of Cargo.lock beside this file; FROM is a clone of
                              https://github.com/rustsec/advisory-db
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from crates import ROOT, locked

SAVED = Path(__file__).with_name("advisories.json")
DATABASE = "https://github.com/rustsec/advisory-db"
# Advisories that do not concern this project, each with the reason.
ACCEPTED = {}


def advisories(clone, names):
    """Reads the advisories for these crates from a clone of the database, which may be bare."""
    listed = git(clone, "ls-tree", "-r", "--name-only", "HEAD", "crates").splitlines()
    for path in sorted(path for path in listed if path.split("/")[1] in names):
        front = re.search(r"```toml\n(.*?)```", git(clone, "show", f"HEAD:{path}"), re.S)
        document = tomllib.loads(front[1])
        about, versions = document["advisory"], document["versions"]
        if "withdrawn" not in about:
            yield {
                "id": about["id"], "package": about["package"], "kind": about.get("informational", "vulnerability"),
                "fine": versions.get("patched", []) + versions.get("unaffected", []),
            }


def git(clone, *arguments):
    command = ("git", "-C", clone, *arguments)
    run = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, timeout=120)
    return run.stdout


def fetched():
    """Returns a fresh clone of the database, or None if it cannot be fetched."""
    clone = ROOT / "target/advisories"
    try:
        if clone.exists():
            git(clone, "fetch", "--quiet", "--depth=1", "origin", "HEAD")
            git(clone, "update-ref", "HEAD", "FETCH_HEAD")
        else:
            subprocess.run(("git", "clone", "--quiet", "--bare", "--depth=1", DATABASE, clone), check=True, timeout=120,
                           stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return clone
    except (subprocess.SubprocessError, OSError):
        return None


def numbers(version):
    """Returns a version as a key to compare by; a pre-release comes before its release."""
    version, _, pre = version.split("+")[0].partition("-")
    parts = [int(part) for part in version.split(".")]
    return (*parts, *[0] * (3 - len(parts))), pre == "", pre


def satisfies(version, requirement):
    """Returns whether a version meets a requirement such as `>= 0.9.3, < 0.10.0` or `^1.2`."""
    for part in requirement.split(","):
        operator, wanted = re.fullmatch(r"\s*(>=|<=|>|<|=|\^|~)?\s*(\S+)\s*", part).groups()
        have, base = numbers(version), numbers(wanted)
        if operator in (None, "^", "~"):
            given = wanted.split(".")
            # ^ keeps the first number that is not zero, ~ the minor version.
            kept = min(2, len(given)) if operator == "~" else next(
                (at + 1 for at, number in enumerate(base[0]) if number), len(given))
            met = have >= base and have[0][:kept] == base[0][:kept]
        else:
            met = {">=": have >= base, "<=": have <= base, ">": have > base, "<": have < base, "=": have == base}[operator]
        if not met:
            return False
    return True


def open_advisories(known, crates):
    """Returns the advisories that apply to one of the crates, each with the crate."""
    return [(advisory, f"{name} {version}") for advisory in known for name, version in crates
            if name == advisory["package"] and not any(satisfies(version, fine) for fine in advisory["fine"])]


def check_comparison():
    for version, requirement, expected in [
        ("0.10.4", ">= 0.10.1", True), ("0.9.2", "< 0.10.0, >= 0.9.3", False), ("0.9.3", "< 0.10.0, >= 0.9.3", True),
        ("1.0.0-rc.1", ">= 1.0.0", False), ("0.4.9", "^0.4.4", True), ("0.5.0", "^0.4.4", False),
        ("1.9.0", "^1.2", True), ("2.0.0", "^1.2", False), ("1.2.9", "~1.2", True), ("1.3.0", "~1.2", False),
    ]:
        assert satisfies(version, requirement) == expected, (version, requirement)
    known = [{"id": "a", "package": "x", "kind": "vulnerability", "fine": [">= 2"]}]
    assert open_advisories(known, [("x", "1.0.0"), ("x", "2.0.0"), ("y", "1.0.0")]) == [(known[0], "x 1.0.0")]


def main():
    check_comparison()
    crates = locked()
    names = {name for name, _ in crates}
    if sys.argv[1:2] == ["--save"]:
        date = git(sys.argv[2], "log", "-1", "--format=%cs").strip()
        saved = {"date": date, "crates": sorted(names), "advisories": list(advisories(sys.argv[2], names))}
        lines = ",\n    ".join(json.dumps(advisory) for advisory in saved["advisories"])
        SAVED.write_text(f'{{\n  "date": "{date}",\n  "crates": {json.dumps(saved["crates"])},\n'
                         f'  "advisories": [\n    {lines}\n  ]\n}}\n')
        return
    clone = fetched()
    if clone:
        print("advisories: fetched today")
        known = list(advisories(clone, names))
    else:
        saved = json.loads(SAVED.read_text())
        print(f"advisories: cannot fetch {DATABASE}; checking those of {saved['date']}")
        known = saved["advisories"]
        if unknown := sorted(names - set(saved["crates"])):
            print(f"advisories: NOT CHECKED, because they were added later: {', '.join(unknown)}")
    found = open_advisories(known, crates)
    for advisory, crate in found:
        accepted = ACCEPTED.get(advisory["id"])
        print(f"{crate}: {advisory['id']} ({advisory['kind']})" + (f", accepted: {accepted}" if accepted else ""))
    # An unmaintained crate is reported; it is no reason to hold back a fix.
    if any(advisory["kind"] in ("vulnerability", "unsound") and advisory["id"] not in ACCEPTED for advisory, _ in found):
        raise SystemExit("update these crates, or accept the advisories in tests/dependencies/advisories.py")
    print(f"advisories: {len(known)} concern crates of Cargo.lock, {len(found)} apply to their versions")


if __name__ == "__main__":
    main()
