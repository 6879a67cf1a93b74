//! Copies of the fixtures that a test may change.

use std::path::Path;

/// Copies a fixture's local cache, for a test to damage.
pub(crate) fn copy(fixture: &str, to: &Path) {
    let from = format!("tests/fixtures/{fixture}/local");
    std::fs::create_dir_all(to.join("blobs/sha256")).unwrap();
    for file in ["oci-layout", "index.json"] {
        std::fs::write(to.join(file), std::fs::read(format!("{from}/{file}")).unwrap()).unwrap();
    }
    for blob in std::fs::read_dir(format!("{from}/blobs/sha256")).unwrap() {
        let blob = blob.unwrap();
        std::fs::write(to.join("blobs/sha256").join(blob.file_name()), std::fs::read(blob.path()).unwrap()).unwrap();
    }
}
