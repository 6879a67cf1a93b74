//! Composes the keys of blobs and manifests, as BuildKit does.

use crate::base::Digest;
use crate::config::KeyLayout;
use crate::object::ListedObject;

/// The keys in the bucket of one cache.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    blobs: String,
    manifests: String,
    /// The prefix of the objects that only this program reads.
    own: String,
}

impl Keys {
    pub(crate) fn new(layout: &KeyLayout) -> Self {
        let own = format!("{}.s3-build-cache/", layout.prefix);
        Self { blobs: layout.all_blobs(), manifests: layout.all_manifests(), own }
    }

    /// Returns the key of a blob.
    pub(crate) fn blob(&self, digest: &Digest) -> String {
        format!("{}{digest}", self.blobs)
    }

    /// Returns the digest of the blob under a key, or `None` if the key is not a blob's.
    pub(crate) fn digest(&self, key: &str) -> Option<Digest> {
        key.strip_prefix(&self.blobs)?.parse().ok()
    }

    /// Returns the common prefix of all blob keys.
    pub(crate) fn blobs(&self) -> &str {
        &self.blobs
    }

    /// Returns a key among those of the blobs that is not a blob's.
    pub(crate) fn beside_blobs(&self, name: &str) -> String {
        format!("{}{name}", self.blobs)
    }

    /// Returns the key of an object that only this program reads.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("{}{name}", self.own)
    }

    /// Returns the key of the manifest with this name.
    pub(crate) fn manifest(&self, name: &str) -> String {
        format!("{}{name}", self.manifests)
    }

    /// Returns the name of the manifest under a key, or `None` if the key is not a manifest's.
    pub(crate) fn name<'a>(&self, key: &'a str) -> Option<&'a str> {
        // The blobs may be below the manifests.
        let blobs_are_below = self.blobs.len() > self.manifests.len() && self.blobs.starts_with(&self.manifests);
        let is_other = (blobs_are_below && key.starts_with(&self.blobs)) || key.starts_with(&self.own);
        // Consoles create empty objects to represent folders.
        let name = key.strip_prefix(&self.manifests).filter(|name| !name.is_empty())?;
        (!is_other && self.digest(key).is_none()).then_some(name)
    }

    /// Returns the name of a listed manifest, or `None` if the object is not a manifest.
    pub(crate) fn listed_name<'a>(&self, object: &'a ListedObject) -> Option<&'a str> {
        self.name(&object.key).filter(|_| !is_folder(object))
    }

    /// Returns the common prefix of all manifest keys.
    pub(crate) fn manifests(&self) -> &str {
        &self.manifests
    }
}

/// Returns whether an object stands for a folder. Consoles create them, without content.
pub(crate) fn is_folder(object: &ListedObject) -> bool {
    object.meta.size == 0 && object.key.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::ObjectMeta;

    fn keys(attributes: &str) -> Keys {
        let options: crate::config::CacheOptions = format!("type=s3,bucket=my-cache{attributes}").parse().unwrap();
        Keys::new(options.keys())
    }

    #[test]
    fn keys_are_composed_as_buildkit_does() {
        let digest = Digest::of(b"");
        let of_defaults = keys("");
        assert_eq!(of_defaults.blob(&digest), format!("blobs/{digest}"));
        assert_eq!(of_defaults.manifest("buildkit"), "manifests/buildkit");
        let own = keys(",prefix=p/,blobs_prefix=b/,manifests_prefix=m/");
        assert_eq!(own.blob(&digest), format!("p/b/{digest}"));
        assert_eq!(own.manifest("app"), "p/m/app");
        // No slash is added.
        assert_eq!(keys(",prefix=p").manifest("app"), "pmanifests/app");
    }

    #[test]
    fn digests_and_names_are_read_back_from_their_keys_only() {
        let (keys, digest) = (keys(",prefix=p/"), Digest::of(b""));
        assert_eq!(keys.digest(&keys.blob(&digest)), Some(digest));
        assert_eq!(keys.name(&keys.manifest("app/main")), Some("app/main"));
        for other in ["p/blobs/", "p/blobs/sha256:x", "blobs/x", &keys.beside_blobs("probe"), &keys.manifest("app")] {
            assert_eq!(keys.digest(other), None, "{other}");
        }
        for other in ["p/manifests/", "manifests/app", &keys.blob(&digest)] {
            assert_eq!(keys.name(other), None, "{other}");
        }
        for (key, size, expected) in [
            ("p/manifests/team/", 0, None),
            ("p/manifests/team/", 2, Some("team/")),
            ("p/manifests/team/app", 0, Some("team/app")),
            ("p/blobs/app", 2, None),
        ] {
            let object = ListedObject::new(key, ObjectMeta::new(size));
            assert_eq!(keys.listed_name(&object), expected, "{key} of {size} bytes");
        }
        let below = self::keys(",prefix=p/,manifests_prefix=");
        assert_eq!(
            (below.name("p/blobs/x"), below.name("p/.s3-build-cache/x"), below.name("p/app")),
            (None, None, Some("app"))
        );
        let mixed = self::keys(",manifests_prefix=,blobs_prefix=");
        assert_eq!((mixed.name(&digest.to_string()), mixed.name("app")), (None, Some("app")));
    }
}
