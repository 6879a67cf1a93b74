//! The two forms of a cache manifest: an OCI image manifest, and the older index or Docker manifest list.

use crate::base::{Digest, Error, Result};
use crate::cache_config::Descriptor;
use crate::go::{push_go_string, read_go_json};
use crate::layout::raw::RawManifest;

/// The format we write, and the preferred one when reading.
pub(crate) const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const IMAGE_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The media type of the cache config, in either form.
const CACHE_CONFIG: &str = "application/vnd.buildkit.cacheconfig.v0";

/// BuildKit reads manifests of up to 1 MiB from a directory. Ours may be larger for other readers, at 350 bytes per
/// layer.
pub(super) const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// The maximum number of objects and lists in a manifest, because empty ones are small in the file but not in memory.
const MAX_PARTS: usize = 1_000_000;

/// The size of a manifest without layers, and of a layer with all its annotations.
const MANIFEST_BYTES: usize = 400;
const LAYER_BYTES: usize = 330;

/// A reference to a blob: its digest and its size in bytes. The digest is safe to use in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The digest of the blob.
    pub(crate) digest: Digest,
    /// The size in bytes.
    pub(crate) size: u64,
}

/// A cache manifest of either form.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// The cache config.
    pub(crate) config: Reference,
    /// The layers, in order.
    pub(crate) layers: Vec<Descriptor>,
}

impl Reference {
    /// Returns the reference in `descriptor`, which is part of `document`.
    ///
    /// # Errors
    /// [`Error::Integrity`] if the digest is not a SHA-256 digest or the size is negative.
    pub(super) fn of(descriptor: &Descriptor, document: &str) -> Result<Self> {
        let Descriptor { digest, size, .. } = descriptor;
        let invalid = |why: String| Error::integrity(format!("{document}: {why}"));
        Ok(Self {
            digest: digest.get().map_err(|error| invalid(format!("{error}")))?,
            size: u64::try_from(*size).map_err(|_| invalid(format!("{digest} has the size {size}")))?,
        })
    }
}

impl Manifest {
    /// Parses a manifest. As in BuildKit, the fields determine its form, and a contradicting media type is an error.
    ///
    /// # Errors
    /// [`Error::Integrity`] if it has neither form or no cache config.
    pub(crate) fn parse(json: &[u8]) -> Result<Self> {
        let invalid = |why: String| Error::integrity(format!("not a cache manifest: {why}"));
        if json.iter().filter(|byte| matches!(byte, b'{' | b'[')).count() > MAX_PARTS {
            return Err(invalid(format!("it has more than {MAX_PARTS} objects and lists")));
        }
        let raw: RawManifest = read_go_json(json).map_err(|error| invalid(error.to_string()))?;
        let image = raw.config.is_some() || raw.layers.is_some();
        if image && raw.manifests.is_some() {
            return Err(invalid("it has both layers and manifests".to_owned()));
        }
        let fits = match raw.media_type.as_str() {
            IMAGE_MANIFEST | DOCKER_MANIFEST => image,
            IMAGE_INDEX | DOCKER_LIST => !image,
            _ => true,
        };
        if !fits {
            return Err(invalid(format!("its fields do not fit its media type {}", raw.media_type)));
        }
        let is_config = |descriptor: &Descriptor| descriptor.media_type == CACHE_CONFIG;
        let (configs, layers): (Vec<_>, Vec<_>) = if image {
            (raw.config.into_iter().filter(is_config).collect(), raw.layers.unwrap_or_default())
        } else {
            raw.manifests.unwrap_or_default().into_iter().partition(is_config)
        };
        // As in BuildKit, the last of several configs wins.
        let Some(config) = configs.last() else {
            let hint = "this is an image: write a cache with docker buildx build --cache-to type=local,dest=DIR";
            return Err(Error::integrity(format!("the manifest refers to no {CACHE_CONFIG}")).with_hint(hint));
        };
        for layer in &layers {
            Reference::of(layer, "the manifest")?;
        }
        Ok(Self { config: Reference::of(config, "the manifest")?, layers })
    }
}

/// Prints an image manifest with the cache config at `config` and the given `layers`, byte for byte as Go writes it.
pub(crate) fn print(config: &Reference, layers: impl Iterator<Item = Descriptor>) -> Vec<u8> {
    let Reference { digest, size } = config;
    // Enough for most manifests, to avoid copies as the string grows.
    let mut out = String::with_capacity(MANIFEST_BYTES + layers.size_hint().0 * LAYER_BYTES);
    out.push_str(&format!("{{\"schemaVersion\":2,\"mediaType\":\"{IMAGE_MANIFEST}\","));
    out.push_str(&format!("\"config\":{{\"mediaType\":\"{CACHE_CONFIG}\",\"digest\":\"{digest}\",\"size\":{size}}},"));
    out.push_str("\"layers\":");
    let start = out.len();
    for layer in layers {
        out.push(if out.len() == start { '[' } else { ',' });
        print_descriptor(&mut out, &layer);
    }
    // Go writes a nil slice as null.
    out.push_str(if out.len() == start { "null}" } else { "]}" });
    out.into_bytes()
}

pub(super) fn print_descriptor(out: &mut String, descriptor: &Descriptor) {
    out.push_str("{\"mediaType\":");
    push_go_string(out, &descriptor.media_type);
    out.push_str(",\"digest\":");
    push_go_string(out, &descriptor.digest.to_string());
    out.push_str(&format!(",\"size\":{}", descriptor.size));
    let start = out.len();
    for (name, text) in descriptor.annotations.iter() {
        out.push_str(if out.len() == start { ",\"annotations\":{" } else { "," });
        push_go_string(out, name);
        out.push(':');
        push_go_string(out, &text);
    }
    out.push_str(if out.len() == start { "}" } else { "}}" });
}
