//! The names and prefixes from which the keys in a bucket are composed.

use crate::base::{Digest, Error, Result, shown};
use crate::config::attribute::{Attribute, Content};
use crate::config::value::AttributeValue;

/// S3's limit on the length of a key in bytes of UTF-8.
const MAX_KEY_BYTES: usize = 1024;
/// BuildKit's default.
const DEFAULT_NAME: &str = "buildkit";
/// The longest file name, in bytes, that file systems accept.
const MAX_FILE_NAME_BYTES: usize = 255;

/// The names and prefixes from which the keys in a bucket are composed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyLayout {
    /// The names of the manifest. Export writes all of them; import merges those that exist.
    pub names: Vec<String>,
    /// Whether the names were given. Without names, an operation that looks after a bucket concerns all manifests.
    /// Names other than the default count as given.
    pub names_given: bool,
    /// The prefix of every key, used verbatim: no slash is added.
    pub prefix: String,
    /// The path between `prefix` and a blob's digest.
    pub blobs_prefix: String,
    /// The path between `prefix` and a manifest's name.
    pub manifests_prefix: String,
}

type Row = Attribute<KeyLayout>;

/// The attributes that set the fields of a [`KeyLayout`].
pub(super) const ATTRIBUTES: &[Row] = &[
    Row::parsed("name", "manifest names, separated by `;`; default: buildkit", |keys, value| {
        keys.names = split_names(value)?;
        keys.names_given = true;
        Ok(())
    })
    .aliases(&["manifest", "ref", "scope", "tag"])
    .content(Content::Free),
    Row::verbatim("prefix", "prepended to every key; no / is added", |keys, prefix| keys.prefix = prefix)
        .aliases(&["key_prefix", "path"]),
    Row::verbatim("blobs_prefix", "between prefix and a digest; default: blobs/", |keys, prefix| {
        keys.blobs_prefix = prefix;
    }),
    Row::verbatim("manifests_prefix", "between prefix and a name; default: manifests/", |keys, prefix| {
        keys.manifests_prefix = prefix;
    }),
];

impl Default for KeyLayout {
    /// Returns BuildKit's defaults.
    fn default() -> Self {
        Self {
            names: vec![DEFAULT_NAME.to_owned()],
            names_given: false,
            prefix: String::new(),
            blobs_prefix: "blobs/".to_owned(),
            manifests_prefix: "manifests/".to_owned(),
        }
    }
}

impl KeyLayout {
    /// Returns the common prefix of all blob keys.
    pub(crate) fn all_blobs(&self) -> String {
        format!("{}{}", self.prefix, self.blobs_prefix)
    }

    /// Returns the common prefix of all manifest keys.
    pub(crate) fn all_manifests(&self) -> String {
        format!("{}{}", self.prefix, self.manifests_prefix)
    }

    /// Returns warnings about prefixes that are valid but probably unintended.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (name, value) in self.prefixes() {
            if !value.is_empty() && !value.ends_with('/') {
                warnings
                    .push(format!("{name}={value} does not end with /: it is prepended as it is, and no / is added"));
            }
        }
        if self.all_blobs().starts_with('/') || self.all_manifests().starts_with('/') {
            warnings.push("keys begin with a /, which some stores and proxies drop".to_owned());
        }
        warnings
    }

    /// Returns the layout, in which names other than the default count as given.
    pub(super) fn completed(mut self) -> Self {
        self.names_given |= self.names != [DEFAULT_NAME];
        self
    }

    /// Checks that every key is accepted by S3, and by a file system if the bucket is a directory.
    pub(super) fn check(&self, is_directory: bool) -> Result<()> {
        if self.names.is_empty() || self.names.iter().any(String::is_empty) {
            return Err(Error::usage("there is no name to store the manifest under")
                .with_hint("set at least one, for example name=app"));
        }
        if let Some(name) = self.names.iter().find(|name| name.contains(';')) {
            let hint = "use another character: ; separates the names of an import";
            return Err(Error::usage(format!("the name {name} contains a ;")).with_hint(hint));
        }
        for (name, value) in self.prefixes() {
            check_key_part(name, value)?;
        }
        let (blobs, manifests) = (self.all_blobs(), self.all_manifests());
        let keys: Vec<String> = self.names.iter().map(|name| format!("{manifests}{name}")).collect();
        let blob = format!("{blobs}{}", Digest::of(b""));
        if keys.iter().chain([&blob]).any(|key| key.len() > MAX_KEY_BYTES) {
            let hint = "shorten prefix or name";
            return Err(Error::usage(format!("a key would be longer than the {MAX_KEY_BYTES} bytes that S3 allows"))
                .with_hint(hint));
        }
        for key in keys.iter().chain([&blobs]) {
            check_key_part("prefix or name", key)?;
            if is_directory {
                check_file_key(key)?;
            }
        }
        Ok(())
    }

    fn prefixes(&self) -> [(&'static str, &str); 3] {
        [("prefix", &self.prefix), ("blobs_prefix", &self.blobs_prefix), ("manifests_prefix", &self.manifests_prefix)]
    }
}

fn split_names(value: AttributeValue<'_>) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in value.text.split(';').map(str::trim) {
        if name.is_empty() {
            return Err(value.bad("names separated by ;, none of them empty"));
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn check_key_part(name: &str, value: &str) -> Result<()> {
    if value.contains(char::is_control) {
        return Err(Error::usage(format!("{name}={} has a control character", shown(value))).with_hint("leave it out"));
    }
    if value.split('/').any(|segment| matches!(segment, "." | "..")) {
        let hint = "stores and proxies resolve . and .. in keys: use another name";
        return Err(Error::usage(format!("{name}={} has a segment . or ..", shown(value))).with_hint(hint));
    }
    Ok(())
}

fn check_file_key(key: &str) -> Result<()> {
    let mut segments = key.split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if (segment.is_empty() && !last) || segment.len() > MAX_FILE_NAME_BYTES {
            let hint = "in a directory every segment of a key is a file name: 1 to 255 bytes";
            return Err(Error::usage(format!("the key {key} has a segment that cannot be a file name")).with_hint(hint));
        }
    }
    Ok(())
}
