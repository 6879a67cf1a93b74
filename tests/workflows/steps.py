"""Runs the shell of the release workflow, the action and the GitLab template, with files instead of a server."""

import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / ".github/release"
ACTION = ROOT / ".github/actions/s3-build-cache"
TAG = "v9.9.9"
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")
# Stands for the program: prints its arguments, one a line.
PROGRAM = "#!/bin/sh\necho 's3-build-cache 9.9.9'\nfor argument; do echo \"<$argument>\"; done\n"


def run(*command, fails=None, **variables):
    """Runs a command. With `fails`, it must fail with a message that contains this text."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env = keep | {name: str(value) for name, value in variables.items()}
    done = subprocess.run([str(word) for word in command], cwd=ROOT, env=env, text=True, capture_output=True)
    shown = f"{command}\n{done.stdout}{done.stderr}"
    assert (done.returncode == 0) == (fails is None), shown
    assert fails is None or fails in done.stderr, f"expected {fails!r}: {shown}"
    return done.stdout


def step(name):
    """Returns the shell of a step of the action."""
    steps = yaml.safe_load((ACTION / "action.yml").read_text())["runs"]["steps"]
    return next(step["run"] for step in steps if step["name"] == name)


def check_the_address(work):
    manifest, check = work / "Cargo.toml", RELEASE / "check.sh"
    manifest.write_text('[package]\nversion = "9.9.9"\n')
    run("bash", check, TAG, MANIFEST=manifest, fails="set it to the address of this repository")
    manifest.write_text('[package]\nversion = "9.9.9"\nrepository = "https://forge/o/r"\n')
    assert run("bash", check, TAG, MANIFEST=manifest) == "https://forge/o/r\n"
    run("bash", check, "v1.0.0", MANIFEST=manifest, fails="the tag v1.0.0 is not the version 9.9.9")
    server = {"GITHUB_SERVER_URL": "https://forge"}
    run("bash", check, TAG, MANIFEST=manifest, GITHUB_REPOSITORY="o/other", fails="this is https://forge/o/other", **server)
    run("bash", check, TAG, MANIFEST=manifest, GITHUB_REPOSITORY="o/r", **server)


def release(work):
    """Makes a release as the workflow does. Returns the folder that stands for its repository."""
    program, repository = work / "program", work / "forge/o/r"
    program.write_text(PROGRAM)
    files = repository / "releases/download" / TAG
    files.mkdir(parents=True)
    run("bash", RELEASE / "finish.sh", repository.as_uri(), TAG, files, fails="no archive for x86_64")
    for target in TARGETS:
        run("bash", RELEASE / "archive.sh", program, target, files)
        again = work / "again"
        run("bash", RELEASE / "archive.sh", program, target, again)
        name = f"s3-build-cache-{target}.tar.gz"
        assert (files / name).read_bytes() == (again / name).read_bytes(), "archives of the same files differ"
    run("bash", RELEASE / "finish.sh", repository.as_uri(), TAG, files)
    run("sh", "-c", f"cd '{files}' && sha256sum --strict -c SHA256SUMS")
    assert len((files / "SHA256SUMS").read_text().splitlines()) == 3
    run("bash", RELEASE / "image.sh", files, work / "image")
    copied = next(line for line in (work / "image/Dockerfile").read_text().splitlines() if line.startswith("COPY "))
    for architecture in ("amd64", "arm64"):
        for source in copied.split()[1:-1]:
            assert (work / "image" / source.replace("${TARGETARCH}", architecture)).is_file(), source
    return repository


def install(work, repository):
    shell, path = step("Install s3-build-cache"), work / "path"
    at = {
        "SERVER": repository.parents[1].as_uri(), "REPOSITORY": "o/r", "VERSION": TAG, "GITHUB_ACTION_PATH": ACTION,
        "RUNNER_TEMP": work / "temporary files", "GITHUB_PATH": path,
    }
    installed = at["RUNNER_TEMP"] / "s3-build-cache"
    bash = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", shell)
    assert "s3-build-cache 9.9.9" in run(*bash, **at)
    assert path.read_text() == f"{installed}\n" and os.access(installed / "s3-build-cache", os.X_OK)
    run(*bash, **at | {"VERSION": ""}, fails="set it to the tag of a release")
    run(*bash, **at | {"VERSION": "v0.0.1"}, fails="cannot download")
    run(*bash, **at | {"SHA256": "0" * 64}, fails=f"instead of {'0' * 64}")
    files = repository / "releases/download" / TAG
    archive = files / f"s3-build-cache-{platform.machine()}-unknown-linux-gnu.tar.gz"
    whole, sums = archive.read_bytes(), (files / "SHA256SUMS").read_text()
    archive.write_bytes(whole[:-1])
    run(*bash, **at, fails="has the checksum")
    archive.write_bytes(whole)
    (files / "SHA256SUMS").write_text("")
    run(*bash, **at, fails="does not list")
    (files / "SHA256SUMS").write_text(sums)

    build = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step("Run the build"))
    found = {"PATH": f"{installed}:{os.environ['PATH']}"}
    line = "docker buildx build --push \\\n  -t 'a b' --cache-to type=s3,bucket=b . # the last word\n"
    words = ["run", "--", "docker", "buildx", "build", "--push", "-t", "a b", "--cache-to", "type=s3,bucket=b", "."]
    printed = lambda words: "s3-build-cache 9.9.9\n" + "".join(f"<{word}>\n" for word in words)
    assert run(*build, **found, BUILD=line, TO="", FROM="") == printed(words)
    words = ["run", "--cache-to", "type=s3,bucket=$(b)", "--cache-from", "type=s3", "--", "make"]
    assert run(*build, **found, BUILD="make", TO="type=s3,bucket=$(b)", FROM="type=s3") == printed(words)
    for several in ("make && make install", "make; make install", "make | tee log"):
        run(*build, **found, BUILD=several, TO="", FROM="", fails="syntax error")


def install_on_gitlab(work, repository):
    template = ROOT / ".gitlab/s3-build-cache.yml"
    filled = repository / "releases/download" / TAG / "gitlab-s3-build-cache.yml"
    installer = (ACTION / "install.sh").read_text().partition("\n")[2]
    for file, fails in [(template, "no address of the releases"), (filled, None)]:
        job = yaml.safe_load(file.read_text())[".s3-build-cache"]
        (shell,) = job["before_script"]
        within = "\n".join(line.removeprefix("  ") for line in shell.split("\n"))
        assert installer in within, f"{file} does not contain install.sh"
        # The job keeps its own variables.
        script = shell + 's3-build-cache "$VERSION" "${TO:-none}"'
        shown = run("sh", "-ec", script, **job["variables"], TMPDIR=work, VERSION="of the job", fails=fails)
        assert fails or shown.endswith("<of the job>\n<none>\n"), shown
    # An older version that cannot be replaced is not used.
    (work / "tar").write_text("#!/bin/sh\necho 'tar: the disk is full' >&2\nexit 2\n")
    (work / "tar").chmod(0o755)
    for options in ("-c", "-ec"):
        run("sh", options, shell + "s3-build-cache used", **job["variables"], TMPDIR=work,
            PATH=f"{work}:{os.environ['PATH']}", fails="tar: the disk is full")


def every_script_exists():
    for file in (ROOT / ".github/workflows").glob("*.yml"):
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            for run_step in job.get("steps", []):
                for word in run_step.get("run", "").split():
                    if word.startswith((".ci/", ".github/", "tests/")):
                        assert (ROOT / word).is_file(), f"{file.name} runs {word}, which does not exist"


def every_target_is_installed_and_has_its_notices():
    release = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
    targets = {build["target"] for build in release["jobs"]["build"]["strategy"]["matrix"]["include"]}
    sys.path.append(str(ROOT / "tests/dependencies"))
    from crates import TARGETS as in_notices
    assert targets == set(in_notices), "tests/dependencies/crates.py"
    installed = set(re.findall(r"target=([\w-]+) ;;", (ACTION / "install.sh").read_text()))
    assert targets == installed, "install.sh"


with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    check_the_address(folder)
    repository = release(folder)
    install(folder, repository)
    install_on_gitlab(folder, repository)
    every_script_exists()
    every_target_is_installed_and_has_its_notices()
print("workflows: the shell of every step passed")
