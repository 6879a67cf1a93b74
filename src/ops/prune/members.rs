//! The caches that share the blobs to be pruned, and their manifests.

use std::collections::HashMap;

use crate::base::{Error, Result, sort};
use crate::bucket::Names;
use crate::config::KeyLayout;
use crate::object::{ObjectStore as _, Version};
use crate::ops::cache::S3Cache;
use crate::ops::manifests::{Found, load_name};
use crate::ops::survey::{ListedManifest, Reading, list_manifests, read_manifests};

/// How often to look for a manifest that appears and disappears.
const MOST_LOOKS: usize = 5;

/// Caches with manifests under the same prefix.
pub(super) struct Member {
    pub(super) cache: S3Cache,
    /// The names whose manifests may be dropped.
    names: Vec<Names>,
}

/// A manifest in a listing, and the member it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) member: usize,
    pub(super) manifest: ListedManifest,
}

/// All caches that share the blobs.
pub(super) struct Members(Vec<Member>);

/// The versions of the manifests that were read last, by member and name.
pub(super) type Versions = HashMap<(usize, String), Option<Version>>;

impl Members {
    /// Collects the caches.
    ///
    /// # Errors
    /// [`Error::Usage`] if they do not share their blobs, or if others may share them and `force` is not set.
    pub(super) fn new(first: &S3Cache, others: &[S3Cache], force: bool) -> Result<Self> {
        let mut members: Vec<Member> = Vec::new();
        let blobs = first.store.location(first.keys.blobs());
        for cache in std::iter::once(first).chain(others) {
            if cache.store.location(cache.keys.blobs()) != blobs {
                let message = format!("{} does not share its blobs with {}", cache.location(), first.location());
                return Err(Error::usage(message).with_hint("prune them one after another"));
            }
            let names = Names::of(cache.options.keys());
            match members.iter_mut().find(|member| member.cache.keys.manifests() == cache.keys.manifests()) {
                Some(member) => member.names.push(names),
                None => members.push(Member { cache: cache.sharing(first), names: vec![names] }),
            }
        }
        let usual = |keys: &KeyLayout| {
            let default = KeyLayout::default();
            keys.manifests_prefix == default.manifests_prefix && keys.blobs_prefix == default.blobs_prefix
        };
        if members.len() == 1 && !usual(first.options.keys()) && !force {
            let message =
                "manifests under another prefix may use the same blobs: manifests_prefix or blobs_prefix is set";
            return Err(Error::usage(message).with_hint(
                "pass the attributes of all caches that share the blobs, or force it if there are no others",
            ));
        }
        sort::sort_by(&mut members, |one, other| one.cache.keys.manifests().cmp(other.cache.keys.manifests()));
        Ok(Self(members))
    }

    pub(super) fn cache(&self, member: usize) -> Option<&S3Cache> {
        self.0.get(member).map(|member| &member.cache)
    }

    /// Returns the member whose prefix holds the objects of this program.
    pub(super) fn first(&self) -> Option<&S3Cache> {
        self.cache(0)
    }

    /// Returns whether the manifest may be dropped.
    pub(super) fn is_named(&self, listed: &Listed) -> bool {
        let names = self.0.get(listed.member).map(|member| member.names.as_slice()).unwrap_or_default();
        names.iter().any(|names| names.contains(&listed.manifest.name))
    }

    pub(super) fn key(&self, listed: &Listed) -> String {
        self.cache(listed.member).map(|cache| cache.keys.manifest(&listed.manifest.name)).unwrap_or_default()
    }

    pub(super) fn location(&self, listed: &Listed) -> String {
        self.cache(listed.member).map(|cache| cache.store.location(&self.key(listed))).unwrap_or_default()
    }

    /// Lists the manifests of all members. Each belongs to one, so that the rules see it once and by its own name.
    ///
    /// # Errors
    /// If the store refuses or fails.
    pub(super) fn list(&self) -> Result<Vec<Listed>> {
        let mut all = Vec::new();
        for (member, Member { cache, .. }) in self.0.iter().enumerate() {
            let mut listed = list_manifests(cache, &Names::all())?;
            listed.retain(|manifest| !self.is_of_another(cache, &manifest.name));
            all.extend(listed.into_iter().map(|manifest| Listed { member, manifest }));
        }
        Ok(all)
    }

    /// Returns whether the manifest of `cache` with this name belongs to another member, which has a longer prefix.
    fn is_of_another(&self, cache: &S3Cache, name: &str) -> bool {
        let (key, prefix) = (cache.keys.manifest(name), cache.keys.manifests());
        self.0.iter().any(|Member { cache: other, .. }| {
            other.keys.manifests().len() > prefix.len() && other.keys.name(&key).is_some()
        })
    }

    /// Reads these manifests and passes each with its position to `take`. Those that are gone are skipped.
    ///
    /// # Errors
    /// If one of them cannot be read: its blobs are unknown.
    pub(super) fn read(&self, all: &[Listed], mut take: impl FnMut(usize, &Found) -> Result<()> + Send) -> Result<()> {
        for (member, Member { cache, .. }) in self.0.iter().enumerate() {
            let (positions, manifests): (Vec<usize>, Vec<ListedManifest>) = all
                .iter()
                .enumerate()
                .filter(|(_, listed)| listed.member == member)
                .map(|(at, listed)| (at, listed.manifest.clone()))
                .unzip();
            let mut gone = Vec::new();
            read_manifests(cache, &manifests, None, &mut |place, reading| {
                let (Some(at), Some(listed)) = (positions.get(place), manifests.get(place)) else { return Ok(()) };
                match reading {
                    Reading::Config { found, .. } => take(*at, &found),
                    Reading::Unreadable(error) => Err(unreadable(cache, &listed.name).with_source(error)),
                    Reading::Gone => {
                        gone.push((*at, listed.name.clone()));
                        Ok(())
                    }
                }
            })?;
            for (at, name) in gone {
                if let Some(found) = look_again(cache, &name)? {
                    take(at, &found)?;
                }
            }
        }
        Ok(())
    }

    /// Reads the manifests that are new or may have changed since `known`, and passes each to `take`.
    ///
    /// # Errors
    /// As [`list`](Self::list) and [`read`](Self::read).
    pub(super) fn read_changed(
        &self,
        known: &mut Versions,
        mut take: impl FnMut(&Listed, &Found) -> Result<()> + Send,
    ) -> Result<()> {
        let mut changed = self.list()?;
        changed.retain(|listed| {
            let version = listed.manifest.meta.version.as_ref().filter(|version| version.is_strong());
            let before = known.get(&(listed.member, listed.manifest.name.clone()));
            version.is_none() || before.and_then(Option::as_ref) != version
        });
        self.read(&changed, |at, found| {
            let Some(listed) = changed.get(at) else { return Ok(()) };
            known.insert((listed.member, found.name.clone()), found.version.clone());
            take(listed, found)
        })
    }
}

/// Looks again for a manifest that was listed and not found. It may have been written again meanwhile. An archived one
/// can be restored, and then it needs its blobs.
fn look_again(cache: &S3Cache, name: &str) -> Result<Option<Found>> {
    for _ in 0..MOST_LOOKS {
        match cache.store.head(&cache.keys.manifest(name))? {
            None => return Ok(None),
            Some(meta) if !meta.readable => break,
            Some(_) => {}
        }
        if let Some(found) = load_name(cache, name.to_owned())? {
            return Ok(Some(found));
        }
    }
    Err(unreadable(cache, name))
}

fn unreadable(cache: &S3Cache, name: &str) -> Error {
    let location = cache.store.location(&cache.keys.manifest(name));
    Error::integrity(format!("{location} cannot be read, so it is unknown which blobs it needs"))
        .with_hint("nothing is deleted until it can be read: export the cache again under this name, or remove it")
}
