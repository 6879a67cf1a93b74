"""The notices of third parties that `s3-build-cache --licenses` prints.

  notices.py           writes src/cli/notices.txt
  notices.py --check   fails if that file is out of date with Cargo.lock

Every license text is written once, with the crates under it and their lines of copyright. The text of the Apache
license is this project's own LICENSE, which the program prints after the notices.
"""

import re
import sys
import textwrap
from pathlib import Path

from crates import ROOT, in_program, licenses

NOTICES = ROOT / "src/cli/notices.txt"
LIMIT = 45 * 1024
# A file whose name does not say which license it has.
NAMED = {("ring", "ISC"): "LICENSE-other-bits"}
HEADINGS = re.compile(r"(?:the )?(?:mit|isc) license(?: \(mit\))?|community data license agreement.*", re.I)
COPYRIGHT = re.compile(r"(?:copyright\b|all rights reserved)", re.I)
HEAD = """\
s3-build-cache is under the Apache License, version 2.0. The program contains the works below, grouped by license: \
their names, their copyright lines and the text of the license.

The Rust standard library is under the Apache License, version 2.0. A static program for Linux also contains parts of \
the GNU C Library, which is under the GNU Lesser General Public License, version 2.1 or later; to link the program \
with another version of it, build it from its source."""


def file_of(package, license):
    """Returns the file with the text of a license."""
    folder = Path(package["manifest_path"]).parent
    if (package["name"], license) in NAMED:
        return folder / NAMED[package["name"], license]
    names = sorted(path for path in folder.iterdir() if path.is_file() and re.match(r"licen[sc]e|copying", path.name, re.I))
    exact = [path for path in names if license.split("-")[0].lower() in path.name.lower()]
    plain = [path for path in names if path.stem.lower() in ("license", "licence", "copying")]
    found = exact or plain
    if not found:
        raise SystemExit(f"{package['name']} has no file with the license {license}: name it in {Path(__file__).name}")
    return found[0]


def split(text):
    """Returns the lines of copyright of a license text, and its paragraphs, each on one line."""
    text = re.sub(r"(?m)^// ?", "", text)
    copyright_lines, paragraphs = [], []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in paragraph.splitlines()]
        while lines and (COPYRIGHT.match(lines[0]) or HEADINGS.fullmatch(lines[0])):
            line = lines.pop(0)
            if COPYRIGHT.match(line):
                copyright_lines.append(line)
        if lines:
            paragraphs.append(re.sub(r"\s+", " ", " ".join(lines)))
    return copyright_lines, tuple(paragraphs)


def render():
    """Returns the notices."""
    apache, texts = [], {}
    for package in in_program():
        name = f"{package['name']} {package['version']}"
        for license in licenses(package):
            if license == "Apache-2.0":
                apache.append(name)
                continue
            owners, body = split(file_of(package, license).read_text())
            texts.setdefault((license, body), []).append((name, owners))
    parts = [HEAD, f"Apache License, version 2.0, whose text is at the end: {', '.join(apache)}"]
    for (license, body), works in sorted(texts.items()):
        lines = [f"{name}: {'; '.join(owners)}" if owners else name for name, owners in works]
        parts.append(f"{license}:\n" + "\n".join(lines))
        parts.extend(body)
    wrap = lambda line: textwrap.fill(line, 110, break_long_words=False, break_on_hyphens=False)
    return "\n\n".join("\n".join(wrap(line) for line in part.split("\n")) for part in parts) + "\n\n"


def main():
    text = render()
    size = len(text.encode()) + (ROOT / "LICENSE").stat().st_size
    print(f"notices: {size} bytes with the Apache license, limit {LIMIT}")
    if size > LIMIT:
        raise SystemExit("the notices are too large for the program")
    if sys.argv[1:] != ["--check"]:
        NOTICES.write_text(text)
    elif not NOTICES.exists() or NOTICES.read_text() != text:
        raise SystemExit("src/cli/notices.txt is out of date with Cargo.lock: run python3 tests/dependencies/notices.py")


main()
