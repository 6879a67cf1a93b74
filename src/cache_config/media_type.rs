//! Docker's media types of layers and their OCI equivalents.

const DOCKER: &str = "application/vnd.docker.image.rootfs.";
const OCI: &str = "application/vnd.oci.image.layer.";

/// The media types of nearly all layers.
const KNOWN: &[&str] = &[
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
];

/// Returns the same text as a constant if it is a common media type of layers.
pub(super) fn known(media_type: &str) -> Option<&'static str> {
    KNOWN.iter().find(|known| **known == media_type).copied()
}

/// Returns the media type that BuildKit writes for a layer in an S3 manifest: Docker's types become OCI's, others are
/// unchanged.
pub(super) fn to_oci(media_type: &str) -> String {
    let oci = match media_type.strip_prefix(DOCKER) {
        Some("diff.tar") => "v1.tar",
        Some("diff.tar.gzip") => "v1.tar+gzip",
        Some("diff.tar.zstd") => "v1.tar+zstd",
        Some("foreign.diff.tar") => "nondistributable.v1.tar",
        Some("foreign.diff.tar.gzip") => "nondistributable.v1.tar+gzip",
        _ => return media_type.to_owned(),
    };
    format!("{OCI}{oci}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_types_become_oci_types_and_others_stay() {
        for (docker, oci) in [
            ("application/vnd.docker.image.rootfs.diff.tar", "application/vnd.oci.image.layer.v1.tar"),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.oci.image.layer.v1.tar+gzip"),
            ("application/vnd.docker.image.rootfs.diff.tar.zstd", "application/vnd.oci.image.layer.v1.tar+zstd"),
            (
                "application/vnd.docker.image.rootfs.foreign.diff.tar",
                "application/vnd.oci.image.layer.nondistributable.v1.tar",
            ),
            (
                "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            ),
            ("application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+gzip"),
            ("application/vnd.docker.image.rootfs.other", "application/vnd.docker.image.rootfs.other"),
            ("", ""),
        ] {
            assert_eq!(to_oci(docker), oci);
        }
    }
}
