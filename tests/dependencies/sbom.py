"""Prints a software bill of materials in CycloneDX: what the program is made of, with licenses and checksums.

  sbom.py [COMMIT]
"""

import json
import sys
import tomllib

from crates import ROOT, in_program


def component(package, checksums):
    purl = f"pkg:cargo/{package['name']}@{package['version']}"
    described = {
        "type": "library", "bom-ref": purl, "name": package["name"], "version": package["version"], "purl": purl,
        "licenses": [{"expression": (package["license"] or "").replace("/", " OR ")}],
    }
    if checksum := checksums.get((package["name"], package["version"])):
        described["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        described["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return described


def main():
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in lock}
    own = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
    program = {
        "type": "application", "bom-ref": "program", "name": own["name"], "version": own["version"],
        "purl": f"pkg:cargo/{own['name']}@{own['version']}", "licenses": [{"expression": own["license"]}],
    }
    if sys.argv[1:]:
        program["properties"] = [{"name": "commit", "value": sys.argv[1]}]
    components = [component(package, checksums) for package in in_program()]
    document = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {"component": program},
        "components": components,
        "dependencies": [{"ref": "program", "dependsOn": [one["bom-ref"] for one in components]}],
    }
    print(json.dumps(document, indent=1))


main()
